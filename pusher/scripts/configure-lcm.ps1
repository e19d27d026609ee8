param([string] $Name, [string] $Sha256)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

function Get-Refusal {
    param([string] $Code, [string] $Message)
    ConvertTo-Json -InputObject ([ordered]@{ version = 1; refused = [ordered]@{ code = $Code; message = $Message } }) -Compress
}

function Get-Value {
    # A property that another LCM version may not have.
    param([object] $Instance, [string] $Name)
    if ($null -eq $Instance) { return }
    $property = $Instance.PSObject.Properties[$Name]
    if ($property) { $property.Value }
}

function Invoke-Lcm {
    # Without a computer name: local DCOM, so no second hop and no limit on the size (the DSC cmdlets have both).
    param([string] $Method, [hashtable] $Argument = @{})
    $lcm = @{ Namespace = 'root/Microsoft/Windows/DesiredStateConfiguration'; ClassName = 'MSFT_DSCLocalConfigurationManager' }
    Invoke-CimMethod @lcm -MethodName $Method -Arguments $Argument
}

function Get-Lcm {
    $meta = (Invoke-Lcm -Method 'GetMetaConfiguration').MetaConfiguration
    $settings = [ordered]@{}
    foreach ($name in 'ConfigurationMode', 'RefreshMode', 'ActionAfterReboot') { $settings[$name] = [string] (Get-Value $meta $name) }
    $settings['RebootNodeIfNeeded'] = [bool] (Get-Value $meta 'RebootNodeIfNeeded')
    $settings['ConfigurationModeFrequencyMins'] = [int] (Get-Value $meta 'ConfigurationModeFrequencyMins')
    [ordered]@{
        state = [string] (Get-Value $meta 'LCMState')
        detail = [string] (Get-Value $meta 'LCMStateDetail')
        certificateId = [string] (Get-Value $meta 'CertificateID')
        settings = $settings
    }
}

function Get-Sha256 {
    param([byte[]] $Byte)
    $sha = [System.Security.Cryptography.SHA256]::Create()
    [System.BitConverter]::ToString($sha.ComputeHash($Byte)).Replace('-', '').ToLowerInvariant()
}

function Get-Staged {
    # The bytes of a staged file, or the refusal.
    param([string] $Name, [string] $Sha256)
    if ($Name -cnotmatch '\A[A-Za-z0-9][A-Za-z0-9._-]*\z') { throw "'$Name' is no name of a staged file" }
    $path = Join-Path -Path (Join-Path -Path $env:ProgramData -ChildPath 'mimc/stage') -ChildPath $Name
    if (-not [System.IO.File]::Exists($path)) { return @{ Refusal = Get-Refusal 'StageMissing' "the file $Name is not staged" } }
    $bytes = [System.IO.File]::ReadAllBytes($path)
    if ((Get-Sha256 -Byte $bytes) -ne $Sha256) { return @{ Refusal = Get-Refusal 'StageHash' "the staged file $Name has another SHA-256" } }
    @{ Byte = $bytes; Refusal = $null }
}

function Get-LcmData {
    # A document as the LCM takes it: its length and four more, then its bytes.
    param([byte[]] $Byte)
    [byte[]] $data = [System.BitConverter]::GetBytes([uint32] ($Byte.Length + 4)) + $Byte
    , $data
}

$staged = Get-Staged -Name $Name -Sha256 $Sha256
if ($staged['Refusal']) { return $staged['Refusal'] }
$lcm = Get-Lcm
if ($lcm['state'] -eq 'Busy') { return Get-Refusal 'LcmBusy' $lcm['detail'] }
[void] (Invoke-Lcm -Method 'SendMetaConfigurationApply' -Argument @{ ConfigurationData = Get-LcmData -Byte $staged['Byte']; force = $true })
ConvertTo-Json -InputObject ([ordered]@{ version = 1; lcm = Get-Lcm }) -Depth 6 -Compress
