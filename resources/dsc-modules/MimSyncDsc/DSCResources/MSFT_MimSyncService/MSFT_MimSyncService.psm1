# The DSC resource MimSyncService: Get, Test and Set. The work is in the module's other files.
Set-StrictMode -Version Latest
foreach ($part in 'Read', 'Compare', 'Prerequisite', 'Order', 'Setup', 'Key', 'Repair') {
    Import-Module -Name (Join-Path -Path $PSScriptRoot -ChildPath "../../MimSyncDsc.$part.psm1")
}
$script:Text = Import-LocalizedData -UICulture 'en-US' -BaseDirectory (Join-Path -Path $PSScriptRoot -ChildPath '../..') -FileName 'MimSyncDsc.strings.psd1' -ErrorAction Stop

function Get-TargetResource {
    <# .SYNOPSIS
    What the node says of itself; State is the whole of it as JSON. Changes nothing. #>
    [CmdletBinding()]
    [OutputType([hashtable])]
    param(
        [Parameter(Mandatory = $true)] [ValidateSet('Yes')] [string] $IsSingleInstance,
        [Parameter()] [ValidateSet('Present', 'Absent')] [string] $Ensure = 'Present',
        [Parameter(Mandatory = $true)] [string] $SourcePath,
        [Parameter()] [string] $TransformPath,
        [Parameter()] [string] $MediaSha256,
        [Parameter(Mandatory = $true)] [bool] $AcceptLicense,
        [Parameter()] [string] $InstallDirectory,
        [Parameter()] [string] $SqlServer,
        [Parameter()] [string] $SqlInstance,
        [Parameter()] [string] $DatabaseName,
        [Parameter()] [ValidateSet('Refuse', 'Use')] [string] $ExistingDatabase,
        [Parameter()] [string] $ExistingKeyPath,
        [Parameter()] [System.Management.Automation.PSCredential] $ServiceAccount,
        [Parameter()] [string] $ManagedServiceAccount,
        [Parameter()] [string] $AdministratorsGroup,
        [Parameter()] [string] $OperatorsGroup,
        [Parameter()] [string] $JoinersGroup,
        [Parameter()] [string] $BrowseGroup,
        [Parameter()] [string] $PasswordResetGroup,
        [Parameter()] [bool] $ServiceRunning,
        [Parameter()] [bool] $EnableRpcFirewallRules,
        [Parameter()] [string] $KeyBackupPath,
        [Parameter()] [string] $MinimumVersion,
        [Parameter()] [string] $PatchPath,
        [Parameter()] [ValidateSet('Refuse', 'Reconfigure')] [string] $MaintenancePolicy,
        [Parameter()] [uint32] $SetupTimeout
    )
    $state = Get-State -Desired (Get-Desired -Parameter $PSBoundParameters)
    $property = $state['properties']
    $result = @{
        IsSingleInstance = $IsSingleInstance
        SourcePath = $SourcePath
        AcceptLicense = $AcceptLicense
        ProductVersion = ''
        ProductCode = ''
        InstallPath = ''
        ServiceState = ''
        KeyBackupTime = ''
        RebootRequired = $false
        State = ConvertTo-Json -InputObject $state -Depth 8 -Compress
    }
    foreach ($name in $property.Keys) {
        # The password cannot be read, and a credential without one would say less than nothing.
        if ($name -eq 'ServiceAccount') { continue }
        $value = $property[$name]['value']
        if ($property[$name]['display']) { $value = $property[$name]['display'] }
        if ($null -ne $value) { $result[$name] = $value }
    }
    if (-not $result['ManagedServiceAccount'] -or -not $result['ManagedServiceAccount'].EndsWith('$')) { $result['ManagedServiceAccount'] = '' }
    foreach ($name in 'ProductVersion', 'ProductCode', 'InstallPath', 'ServiceState', 'KeyBackupTime', 'RebootRequired') {
        if ($state['facts'].Contains($name)) { $result[$name] = $state['facts'][$name] }
    }
    $result['Unknown'] = [string[]] @(foreach ($name in $property.Keys) {
        foreach ($kind in 'unknown', 'notChecked') {
            if ($property[$name][$kind]) { "${name}: $($property[$name][$kind])" }
        }
    })
    $result
}

function Test-TargetResource {
    <# .SYNOPSIS
    False when a property differs; an error when none differs and one could not be read; else true. #>
    [CmdletBinding()]
    [OutputType([bool])]
    param(
        [Parameter(Mandatory = $true)] [ValidateSet('Yes')] [string] $IsSingleInstance,
        [Parameter()] [ValidateSet('Present', 'Absent')] [string] $Ensure = 'Present',
        [Parameter(Mandatory = $true)] [string] $SourcePath,
        [Parameter()] [string] $TransformPath,
        [Parameter()] [string] $MediaSha256,
        [Parameter(Mandatory = $true)] [bool] $AcceptLicense,
        [Parameter()] [string] $InstallDirectory,
        [Parameter()] [string] $SqlServer,
        [Parameter()] [string] $SqlInstance,
        [Parameter()] [string] $DatabaseName,
        [Parameter()] [ValidateSet('Refuse', 'Use')] [string] $ExistingDatabase,
        [Parameter()] [string] $ExistingKeyPath,
        [Parameter()] [System.Management.Automation.PSCredential] $ServiceAccount,
        [Parameter()] [string] $ManagedServiceAccount,
        [Parameter()] [string] $AdministratorsGroup,
        [Parameter()] [string] $OperatorsGroup,
        [Parameter()] [string] $JoinersGroup,
        [Parameter()] [string] $BrowseGroup,
        [Parameter()] [string] $PasswordResetGroup,
        [Parameter()] [bool] $ServiceRunning,
        [Parameter()] [bool] $EnableRpcFirewallRules,
        [Parameter()] [string] $KeyBackupPath,
        [Parameter()] [string] $MinimumVersion,
        [Parameter()] [string] $PatchPath,
        [Parameter()] [ValidateSet('Refuse', 'Reconfigure')] [string] $MaintenancePolicy,
        [Parameter()] [uint32] $SetupTimeout
    )
    $desired = Get-Desired -Parameter $PSBoundParameters
    $desired['Ensure'] = $Ensure
    $state = Get-State -Desired $desired
    $verdicts = @(Compare-MimSyncState -Desired $desired -State $state)
    $different = @($verdicts | Where-Object { $_['Status'] -in 'drift', 'cannotSet' })
    foreach ($item in $different) { Write-Verbose -Message (Format-Verdict -Verdict $item) }
    if ($different) { return $false }
    $unknown = @($verdicts | Where-Object { $_['Status'] -eq 'unknown' })
    if ($unknown) { throw $script:Text.Unknown -f (@($unknown | ForEach-Object { "$($_['Property']): $($_['Reason'])" }) -join '; ') }
    $true
}

function Set-TargetResource {
    <# .SYNOPSIS
    Install the product when it is not there, put right what may be put right, and name what may not; or remove it. #>
    [CmdletBinding()]
    param(
        [Parameter(Mandatory = $true)] [ValidateSet('Yes')] [string] $IsSingleInstance,
        [Parameter()] [ValidateSet('Present', 'Absent')] [string] $Ensure = 'Present',
        [Parameter(Mandatory = $true)] [string] $SourcePath,
        [Parameter()] [string] $TransformPath,
        [Parameter()] [string] $MediaSha256,
        [Parameter(Mandatory = $true)] [bool] $AcceptLicense,
        [Parameter()] [string] $InstallDirectory,
        [Parameter()] [string] $SqlServer,
        [Parameter()] [string] $SqlInstance,
        [Parameter()] [string] $DatabaseName,
        [Parameter()] [ValidateSet('Refuse', 'Use')] [string] $ExistingDatabase,
        [Parameter()] [string] $ExistingKeyPath,
        [Parameter()] [System.Management.Automation.PSCredential] $ServiceAccount,
        [Parameter()] [string] $ManagedServiceAccount,
        [Parameter()] [string] $AdministratorsGroup,
        [Parameter()] [string] $OperatorsGroup,
        [Parameter()] [string] $JoinersGroup,
        [Parameter()] [string] $BrowseGroup,
        [Parameter()] [string] $PasswordResetGroup,
        [Parameter()] [bool] $ServiceRunning,
        [Parameter()] [bool] $EnableRpcFirewallRules,
        [Parameter()] [string] $KeyBackupPath,
        [Parameter()] [string] $MinimumVersion,
        [Parameter()] [string] $PatchPath,
        [Parameter()] [ValidateSet('Refuse', 'Reconfigure')] [string] $MaintenancePolicy,
        [Parameter()] [uint32] $SetupTimeout
    )
    $parameter = @{ Ensure = $Ensure }
    foreach ($name in $PSBoundParameters.Keys) { $parameter[$name] = $PSBoundParameters[$name] }
    try { Set-Node -Parameter $parameter } finally { Write-Step -Completed }
}

function Set-Node {
    # What Set does, step by step.
    param([hashtable] $Parameter)
    $desired = Get-Desired -Parameter $Parameter
    $state = Get-State -Desired $desired
    if ($Parameter['Ensure'] -eq 'Absent') {
        if ($state['properties']['Ensure']['value'] -eq 'Absent') { return }
        Assert-Installer
        if ($state['facts'].Contains('EnsureReason')) { throw $script:Text.HalfInstalled -f $state['facts']['EnsureReason'] }
        $log = Remove-MimSync -Parameter $Parameter -State $state
        if ((Get-State -Desired $desired)['properties']['Ensure']['value'] -ne 'Absent') { throw $script:Text.StillThere -f (Get-LogTail -Path $log) }
        return
    }
    $log = ''
    $isNew = $state['facts']['Unfinished'] -eq 'activation'
    if ($state['properties']['Ensure']['value'] -ne 'Present') {
        # Setup that is still at work leaves such a node for a while.
        Assert-Installer
        if ($state['facts'].Contains('EnsureReason')) { throw $script:Text.HalfInstalled -f $state['facts']['EnsureReason'] }
        $log = Install-MimSync -Parameter $Parameter
        $state = Get-State -Desired $desired
        $isNew = $true
    }
    if ($isNew) {
        Assert-Installed -Desired $desired -State $state -Log $log
        Initialize-Key -Parameter $Parameter -State $state
    }
    $verdicts = @(Compare-MimSyncState -Desired $desired -State (Get-State -Desired $desired))
    $later = @(Repair-MimSync -Parameter $Parameter -Verdict $verdicts -State $state)
    if ($later) { $log = $later[-1] }
    Write-Step -Message $script:Text.StepReadBack
    $verdicts = @(Compare-MimSyncState -Desired $desired -State (Get-State -Desired $desired))
    $left = @($verdicts | Where-Object { $_['Status'] -eq 'drift' })
    $fixed = @($verdicts | Where-Object { $_['Status'] -eq 'cannotSet' })
    $text = @($left + $fixed | ForEach-Object { Format-Verdict -Verdict $_ }) -join '; '
    $tail = ''
    if ($log) { $tail = Get-LogTail -Path $log }
    if ($isNew -and $text) { throw $script:Text.InstalledOtherwise -f $text, $tail }
    if ($left) { throw ($script:Text.RepairedInVain -f $text, $tail).TrimEnd() }
    if ($fixed) { throw $script:Text.CannotSet -f $text }
}

function Assert-Installed {
    # Setup silently falls back to the local SQL Server when it does not understand its properties.
    param([hashtable] $Desired, [System.Collections.IDictionary] $State, [string] $Log)
    if ($State['properties']['Ensure']['value'] -ne 'Present') {
        throw $script:Text.NotThere -f (Get-LogTail -Path $Log)
    }
    $wrong = @(Compare-MimSyncState -Desired $Desired -State $State |
            Where-Object { $_['Property'] -in 'SqlServer', 'SqlInstance', 'DatabaseName' -and $_['Status'] -ne 'ok' })
    if ($wrong) {
        $text = @($wrong | ForEach-Object { Format-Verdict -Verdict $_ }) -join '; '
        throw $script:Text.SqlFallback -f $text, (Get-LogTail -Path $Log)
    }
}

function Get-Desired {
    # The parameters as plain values: no password goes any further than this.
    param([System.Collections.IDictionary] $Parameter)
    $desired = @{}
    foreach ($name in $Parameter.Keys) {
        $desired[$name] = $Parameter[$name]
        if ($desired[$name] -is [System.Management.Automation.PSCredential]) { $desired[$name] = $desired[$name].UserName }
    }
    $desired
}

function Get-State {
    param([hashtable] $Desired)
    $accounts = 'ServiceAccount', 'ManagedServiceAccount', 'AdministratorsGroup', 'OperatorsGroup', 'JoinersGroup', 'BrowseGroup', 'PasswordResetGroup' |
        ForEach-Object { $Desired[$_] } | Where-Object { $_ }
    Get-MimState -Account ([string[]] @($accounts)) -KeyBackupPath ([string] $Desired['KeyBackupPath'])
}

function Format-Verdict {
    param([hashtable] $Verdict)
    if ($Verdict['Reason']) { return $script:Text.VerdictReason -f $Verdict['Property'], $Verdict['Desired'], $Verdict['Actual'], $Verdict['Reason'] }
    $script:Text.Verdict -f $Verdict['Property'], $Verdict['Desired'], $Verdict['Actual']
}

Export-ModuleMember -Function *-TargetResource
