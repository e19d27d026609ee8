# Runs the self-test of docs/on-windows.ps1 over stand-ins, in a folder that tests/test_on_windows.py has made, and tells its answer
# and what the seam was asked for. World is PowerShell text that changes the node that was made here.
param([string] $Root, [string] $World = '', [string] $Argument = '{}')
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
. (Join-Path -Path $PSScriptRoot -ChildPath 'StandIns.ps1')
$module = Join-Path -Path $Root -ChildPath 'resources/dsc-modules/MimSyncDsc'
Import-Module -Name (Join-Path -Path $module -ChildPath 'MimSyncDsc.Windows.psm1')

$env:COMPUTERNAME = 'CORPSYNC'
foreach ($name in 'SystemRoot', 'ProgramFiles') { [System.Environment]::SetEnvironmentVariable($name, "$Root/$name") }
$env:ProgramData = 'C:\ProgramData'

function New-Member { param([string] $Name, [string] $Type) [pscustomobject] @{ Name = $Name; CimType = $Type } }
function Get-Members {
    # 'Boolean All, String jobId' as members of a class or of a method.
    param([string] $Text)
    foreach ($part in $Text -split ', *') { if ($part) { New-Member -Name ($part -split ' ')[1] -Type ($part -split ' ')[0] } }
}
$global:Method = @{
    GetMetaConfiguration = 'Instance MetaConfiguration'; GetConfiguration = 'UInt8Array configurationData, InstanceArray configurations'
    GetConfigurationStatus = 'Boolean All, InstanceArray ConfigurationStatus'; SendMetaConfigurationApply = 'UInt8Array ConfigurationData, Boolean force'
    SendConfigurationApplyAsync = 'UInt8Array ConfigurationData, Boolean force, String jobId'; RemoveConfiguration = 'UInt32 Stage, Boolean Force'
}
$global:Class = @{
    MSFT_DSCConfigurationStatus = 'String JobID, String Status, String Type, DateTime StartDate, String MetaData, Boolean RebootRequested, String Error, InstanceArray ResourcesInDesiredState, InstanceArray ResourcesNotInDesiredState'
    MSFT_DSCMetaConfiguration = @(foreach ($name in
            'ActionAfterReboot', 'ConfigurationID', 'ConfigurationMode', 'RefreshMode', 'SignatureValidationPolicy', 'AllowModuleOverwrite', 'RebootNodeIfNeeded', 'ConfigurationModeFrequencyMins', 'MaximumDownloadSizeMB', 'RefreshFrequencyMins',
            'StatusRetentionTimeInDays', 'DebugMode', 'CertificateID', 'LCMState', 'LCMStateDetail', 'ConfigurationDownloadManagers', 'PartialConfigurations', 'ReportManagers', 'ResourceModuleManagers', 'SignatureValidations') { "String $name" }) -join ', '
}
$global:Lcm = @{ LCMState = 'Idle'; LCMStateDetail = ''; RefreshMode = 'PUSH'; ConfigurationMode = 'ApplyAndMonitor'; RegistrationKey = 'canary-registration' }
$global:Records = @([pscustomobject] @{ Status = 'Success'; Type = 'Initial'; JobID = '{1}'; StartDate = [datetime] '2026-11-24'; MetaData = 'Author: a; Name: canary-configuration; Version: 1;' })
function global:Get-CimClass {
    param([string] $Namespace, [string] $ClassName)
    if ($Namespace -ne 'root/Microsoft/Windows/DesiredStateConfiguration') { throw 'no such namespace' }
    $methods = @(foreach ($name in $global:Method.Keys) { [pscustomobject] @{ Name = $name; Parameters = @(Get-Members -Text $global:Method[$name]) } })
    $properties = @()
    if ($global:Class.ContainsKey($ClassName)) { $properties = @(Get-Members -Text $global:Class[$ClassName]) }
    [pscustomobject] @{ CimClassMethods = $methods; CimClassProperties = $properties }
}
function global:Invoke-CimMethod {
    param([string] $Namespace, [string] $ClassName, [string] $MethodName, [hashtable] $Arguments)
    [void] $global:Windows.Calls.Add("LCM $MethodName")
    switch ($MethodName) {
        'GetMetaConfiguration' { [pscustomobject] @{ MetaConfiguration = [pscustomobject] $global:Lcm } }
        'GetConfigurationStatus' { if (-not $global:Records) { throw 'no record' }; [pscustomobject] @{ ConfigurationStatus = $global:Records } }
        default { throw "not a method that only reads: $MethodName" }
    }
}
$global:Shown = @{ Direction = 'Inbound'; Enabled = 'True'; Action = 'Allow'; Program = 'C:\Windows\system32\svchost.exe' }
function global:Get-NetFirewallRule {
    [CmdletBinding()] param([string] $Name, [string] $PolicyStore)
    $rule = [pscustomobject] $global:Shown
    if ($Name -eq '{7A}') { $rule.Program = 'C:\x\Bin\miiserver.exe' }
    $rule
}
function global:Get-NetFirewallApplicationFilter { param([object] $AssociatedNetFirewallRule) $AssociatedNetFirewallRule }
function global:Get-WSManInstance { param([string] $ResourceURI) [pscustomobject] @{ MaxEnvelopeSizekb = '500' } }
function global:Get-DscResource { param([string] $Name, [string] $Module) [pscustomobject] @{ Name = $Name } }

function global:New-Object {
    param([Parameter(Position = 0)] [string] $TypeName, [Parameter(Position = 1)] [object[]] $ArgumentList = @(), [string] $ComObject)
    if ($ComObject) { return Microsoft.PowerShell.Utility\New-Object -TypeName MimcStandIns.Installer }
    Microsoft.PowerShell.Utility\New-Object -TypeName $TypeName -ArgumentList $ArgumentList
}
function global:Install-Mim {
    # The product as setup leaves it, with what no answer may hold.
    $parameters = @{ Path = 'C:\Program Files\Microsoft Forefront Identity Manager\2010\Synchronization Service\'; Server = 'canary-sql'; Password = 'canary-registry' }
    $global:Windows.Registry['SYSTEM\CurrentControlSet\Services\FIMSynchronizationService'] = @{ ObjectName = 'contoso\MIMSync' }
    $global:Windows.Registry['SYSTEM\CurrentControlSet\Services\FIMSynchronizationService\Parameters'] = $parameters
    $global:Windows.Registry['SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall\{5A7CB0A3-7AA2-4F40-8899-02B83694085F}'] = @{
        DisplayName = 'Microsoft Identity Manager Synchronization Service'; DisplayVersion = '4.6.34.0'; UninstallString = 'MsiExec.exe /X{5A7CB0A3-7AA2-4F40-8899-02B83694085F}'; InstallSource = '\\canary-share\x'
    }
    $global:Windows.Services['FIMSynchronizationService'] = 'Running'
    foreach ($tool in 'miiskmu', 'miisactivate') { $global:Windows.Files["$($parameters.Path)Bin\$tool.exe"] = 'x' }
    $global:Windows.Registry[$global:FirewallRules]['{7A}'] = 'v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=RPC|App=C:\x\Bin\miiserver.exe|Name=sync|'
    $global:Shown = @{ Direction = 'Inbound'; Enabled = 'True'; Action = 'Allow'; Program = 'C:\Windows\system32\svchost.exe' }
}

if (Get-Command -Name 'New-Windows' -ErrorAction Ignore) {
    $global:Windows = New-Windows
    $global:Windows.Sids['BUILTIN\Administrators'] = 'S-1-5-32-544'
    foreach ($pair in @('Winmgmt', 'Running'), @('WinRM', 'Running'), @('msiserver', 'Stopped')) { $global:Windows.Services[$pair[0]] = $pair[1] }
    $registry = $global:Windows.Registry
    $registry['SOFTWARE\Microsoft\Windows NT'] = @{}
    $registry['SOFTWARE\Microsoft\Windows NT\CurrentVersion'] = @{ CurrentBuild = '20348' }
    $registry['SOFTWARE\Microsoft\Windows\CurrentVersion\WSMAN\Listener\*+HTTPS'] = @{}
    $registry[$global:FirewallRules] = @{ 'RemoteSvc-In' = 'v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|App=C:\Windows\system32\svchost.exe|Name=@x|' }
    $global:Windows.SqlFailure = @{ Number = 10061; Message = 'canary-sql message' }
    # The stand-in has no real file: the length is that of its text.
    $global:Windows.Files["$env:SystemRoot\System32\msi.dll"] = 'x' * (Get-Item -LiteralPath "$env:SystemRoot/System32/msi.dll").Length
    $global:Windows.Hash[$global:Windows.Files["$env:SystemRoot\System32\msi.dll"]] = 'ab' * 32
    $global:Windows.Files["$env:SystemRoot\System32\WindowsPowerShell\v1.0\powershell.exe"] = 'x'
} else { $global:Windows = @{ Calls = New-Object System.Collections.ArrayList } }
& ([scriptblock]::Create($World))

$types = @{
    'System.Security.Principal.WindowsIdentity' = [MimcStandIns.Identity]; 'System.Security.Principal.WindowsPrincipal' = [MimcStandIns.Principal]
    'Microsoft.Win32.RegistryKey' = [MimcStandIns.Registry]; 'System.Security.Cryptography.X509Certificates.X509Store' = [MimcStandIns.Store]
}
$scripts = Join-Path -Path $Root -ChildPath 'pusher/scripts'
if (Test-Path -LiteralPath $scripts) {
    foreach ($name in 'preflight', 'follow') {
        $file = (Get-Item -LiteralPath "$scripts/$name.ps1").FullName
        [System.IO.File]::WriteAllText($file, (Edit-Type -Text ([System.IO.File]::ReadAllText($file)) -Type $types))
    }
}
$file = (Get-Item -LiteralPath "$Root/docs/on-windows/documents.ps1").FullName
[System.IO.File]::WriteAllText($file, (Edit-Type -Text ([System.IO.File]::ReadAllText($file)) -Type $types).Replace('Microsoft.PowerShell.DesiredStateConfiguration.Internal.DscClassCache', 'MimcStandIns.ClassCache'))
$before = @(Get-ChildItem -LiteralPath $Root -Recurse -Force -File | ForEach-Object { "$($_.FullName) $($_.Length) $($_.LastWriteTimeUtc.Ticks)" })
$with = @{}
$given = ConvertFrom-Json -InputObject $Argument
foreach ($item in $given.PSObject.Properties) { $with[$item.Name] = $item.Value }
if ($with['Media'] -and $global:Windows.ContainsKey('Files')) { $global:Windows.Files[$with['Media']] = 'x' }
$out = @(& "$Root/docs/on-windows.ps1" @with)
$after = @(Get-ChildItem -LiteralPath $Root -Recurse -Force -File | ForEach-Object { "$($_.FullName) $($_.Length) $($_.LastWriteTimeUtc.Ticks)" })
$changed = @($before; $after) | Group-Object | Where-Object { $_.Count -ne 2 } | ForEach-Object { $_.Name }
$told = @{ answer = [string[]] $out; calls = [string[]] @($global:Windows.Calls); changed = [string[]] @($changed) }
[System.Console]::Out.WriteLine((Microsoft.PowerShell.Utility\ConvertTo-Json -InputObject $told -Depth 4 -Compress))
