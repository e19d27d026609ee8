param([string] $Thumbprint, [string] $ModuleName, [string] $ModuleVersion)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

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

function Get-Status {
    # The LCM's records of what it did, newest last; none is an error to it.
    param([bool] $All)
    try { $answer = Invoke-Lcm -Method 'GetConfigurationStatus' -Argument @{ All = $All } } catch { return }
    $status = Get-Value $answer 'ConfigurationStatus'
    if ($status) { $status | Sort-Object -Property StartDate }
}

function Get-ConfigurationName {
    # The documents themselves are encrypted; the record of what was done with one has its name.
    param([object] $Status)
    if ([string] (Get-Value $Status 'MetaData') -match '(?:^|;)\s*Name:\s*([^;]+)') { return $Matches[1].Trim() }
    foreach ($list in 'ResourcesInDesiredState', 'ResourcesNotInDesiredState') {
        foreach ($resource in @(Get-Value $Status $list)) {
            $name = Get-Value $resource 'ConfigurationName'
            if ($name) { return [string] $name }
        }
    }
    ''
}

function Get-Document {
    # The names of the current and the pending document, null where there is none.
    $folder = Join-Path -Path $env:SystemRoot -ChildPath 'System32/Configuration'
    $documents = [ordered]@{ current = $null; pending = $null }
    if (Test-Path -LiteralPath (Join-Path -Path $folder -ChildPath 'Current.mof')) { $documents['current'] = '' }
    if (Test-Path -LiteralPath (Join-Path -Path $folder -ChildPath 'Pending.mof')) { $documents['pending'] = '' }
    if ($null -eq $documents['current'] -and $null -eq $documents['pending']) { return $documents }
    $records = @(Get-Status -All $true | Where-Object { (Get-Value $_ 'Type') -ne 'LocalConfigurationManager' })
    if (-not $records) { return $documents }
    if ($null -ne $documents['pending']) { $documents['pending'] = Get-ConfigurationName -Status $records[-1] }
    if ($null -ne $documents['current']) {
        # A pending document that failed is the newest record; the current one is what last succeeded.
        $good = @($records | Where-Object { $null -eq $documents['pending'] -or (Get-Value $_ 'Status') -eq 'Success' })
        if ($good) { $documents['current'] = Get-ConfigurationName -Status $good[-1] }
    }
    $documents
}

function Get-Sha256 {
    param([byte[]] $Byte)
    $sha = [System.Security.Cryptography.SHA256]::Create()
    [System.BitConverter]::ToString($sha.ComputeHash($Byte)).Replace('-', '').ToLowerInvariant()
}

function Get-ModuleSha256 {
    # Over all files of a module folder, as docs/contract.md says; '' when there is no such folder.
    param([string] $Folder)
    if (-not [System.IO.Directory]::Exists($Folder)) { return '' }
    $root = [System.IO.Path]::GetFullPath($Folder)
    $files = @{}
    foreach ($file in [System.IO.Directory]::GetFiles($root, '*', 'AllDirectories')) {
        $files[$file.Substring($root.Length + 1).Replace('\', '/')] = $file
    }
    [string[]] $paths = @($files.Keys)
    [System.Array]::Sort($paths, [System.StringComparer]::Ordinal)
    $lines = foreach ($path in $paths) { "$path $(Get-Sha256 -Byte ([System.IO.File]::ReadAllBytes($files[$path])))`n" }
    Get-Sha256 -Byte ([System.Text.Encoding]::UTF8.GetBytes(-join $lines))
}

function Get-CertificateFact {
    param([string] $Thumbprint)
    $answer = [ordered]@{ present = $false; privateKey = $false; expires = '' }
    $store = New-Object System.Security.Cryptography.X509Certificates.X509Store('My', 'LocalMachine')
    $store.Open('ReadOnly')
    foreach ($certificate in $store.Certificates) {
        if ($certificate.Thumbprint -ne $Thumbprint) { continue }
        $answer['present'] = $true
        $answer['privateKey'] = [bool] $certificate.HasPrivateKey
        $answer['expires'] = $certificate.NotAfter.ToUniversalTime().ToString('o')
    }
    $store.Close()
    $answer
}

$identity = [System.Security.Principal.WindowsIdentity]::GetCurrent()
$principal = New-Object System.Security.Principal.WindowsPrincipal($identity)
$administrator = [bool] $principal.IsInRole([System.Security.Principal.WindowsBuiltInRole]::Administrator)
if ($ModuleName -cnotmatch '\A[A-Za-z0-9]+\z' -or $ModuleVersion -notmatch '\A[0-9.]+\z') { throw 'not the name and version of a module' }
$module = Get-ModuleSha256 -Folder "$env:ProgramFiles/WindowsPowerShell/Modules/$ModuleName/$ModuleVersion"
$answer = [ordered]@{
    version = 1
    node = [ordered]@{
        computerName = [string] $env:COMPUTERNAME; powershell = $PSVersionTable.PSVersion.ToString(); administrator = $administrator
    }
    certificate = Get-CertificateFact -Thumbprint $Thumbprint
    lcm = Get-Lcm
    documents = Get-Document
    module = [ordered]@{ sha256 = $module }
}
ConvertTo-Json -InputObject $answer -Depth 6 -Compress
