# The repairs of an installed product: firewall, keys, patch, settings; and its removal, which never touches the database.
# Errors begin with MimSync.<Code>: only their text gets through the LCM.
Set-StrictMode -Version Latest
foreach ($part in 'Windows', 'Read', 'Compare', 'Prerequisite', 'Order', 'Setup', 'Key') {
    Import-Module -Name (Join-Path -Path $PSScriptRoot -ChildPath "MimSyncDsc.$part.psm1")
}
$script:Text = Import-LocalizedData -UICulture 'en-US' -BaseDirectory $PSScriptRoot -FileName 'MimSyncDsc.strings.psd1' -ErrorAction Stop

$script:Service = 'FIMSynchronizationService'
$script:Parameters = "SYSTEM\CurrentControlSet\Services\$script:Service\Parameters"
$script:EndpointMapperRule = 'mimc-MimSync-RpcEndpointMapper'
# The first that can run under a group managed service account.
$script:FirstVersionForGmsa = '4.5.26.0'
# Its patch is no ordinary one.
$script:FirstVersionOfSp3 = '4.6.691.0'
$script:UnfinishedPath = 'SOFTWARE\mimc\MimSyncDsc\Unfinished'
$script:RebootPath = 'SOFTWARE\mimc\MimSyncDsc\RebootPending'
$script:ServiceTimeoutSeconds = 120
$script:GroupNames = 'AdministratorsGroup', 'OperatorsGroup', 'JoinersGroup', 'BrowseGroup', 'PasswordResetGroup'

function Repair-MimSync {
    <#
    .SYNOPSIS
    Put right what Set may put right on an installed product; returns the path of the last setup log, if there is one.
    .DESCRIPTION
    Keys first: whatever comes after may need them. Settings that setup alone can change are drift only under the policy
    Reconfigure, and the version only with a patch: Compare-MimSyncState says so. Firewall and service come last, for setup
    may change both.
    .PARAMETER Parameter
    The parameters of Set-TargetResource.
    .PARAMETER Verdict
    What differs, from Compare-MimSyncState.
    .PARAMETER State
    The state that was compared.
    #>
    param([hashtable] $Parameter, [object[]] $Verdict, [System.Collections.IDictionary] $State)
    $drift = @($Verdict | Where-Object { $_['Status'] -eq 'drift' } | ForEach-Object { $_['Property'] })
    $path = $State['facts']['InstallPath']
    $account = @($drift | Where-Object { $_ -in 'ServiceAccount', 'ManagedServiceAccount' }).Count -gt 0
    $patch = $drift -contains 'MinimumVersion'
    $settings = $account -or @($drift | Where-Object { $_ -in $script:GroupNames }).Count -gt 0
    if ($patch -or $settings) {
        if (-not $Parameter['KeyBackupPath']) { throw $script:Text.KeyBeforeChange }
        # The keys are protected by the present account, whose password nobody here knows when another one is wanted.
        if (-not $account) { Export-Key -Parameter $Parameter -InstallPath $path }
        elseif (-not (Test-KeyRecord -Path $Parameter['KeyBackupPath'])) { throw $script:Text.KeyBeforeAccount -f $Parameter['KeyBackupPath'] }
    } elseif ($drift -contains 'KeyBackupPath') { Export-Key -Parameter $Parameter -InstallPath $path }
    if ($State['facts']['Unfinished'] -in 'patch', 'settings') { Complete-Change -Parameter $Parameter -Running ($Parameter['ServiceRunning'] -ne $false) }
    if ($patch) { Update-MimSync -Parameter $Parameter -State $State }
    if ($settings) { Set-MimSetting -Parameter $Parameter -State $State }
    if ($Parameter.ContainsKey('EnableRpcFirewallRules') -and ($settings -or $drift -contains 'EnableRpcFirewallRules')) {
        Repair-Firewall -Enabled $Parameter['EnableRpcFirewallRules'] -InstallPath $path
    }
    if ($drift -contains 'ServiceRunning') { Set-ServiceRunning -Name $script:Service -Running $Parameter['ServiceRunning'] }
}

function Update-MimSync {
    # Apply the patch; its copy is what is judged and applied. Returns the path of the setup log.
    param([hashtable] $Parameter, [System.Collections.IDictionary] $State)
    Write-Step -Message $script:Text.StepJudgePatch
    Assert-Installer
    if ([string]::CompareOrdinal((Get-VersionKey $Parameter['MinimumVersion']), (Get-VersionKey $script:FirstVersionOfSp3)) -ge 0) { throw $script:Text.PatchOfSp3 }
    $work = Get-WorkFolder
    $patch = "$work\media\MimSync.msp"
    New-LockedFolder -Path $work
    New-LockedFolder -Path "$work\media"
    if (-not (Test-File -Path $Parameter['PatchPath'])) { throw $script:Text.PatchMissing -f $Parameter['PatchPath'] }
    # A file that is written over keeps its owner and its access list.
    Remove-Path -Path $patch
    Copy-File -Source $Parameter['PatchPath'] -Destination $patch
    Assert-Media -Package $patch -IsPatch
    # Setup may put a new one in its place, and what an administrator has set there would be gone.
    $configuration = Get-Program -InstallPath $State['facts']['InstallPath'] -Name 'miiserver.exe.config'
    $before = Get-FileFact -Path $configuration
    $kept = "$work\before\miiserver.exe.config-$($State['facts']['ProductVersion'])"
    if ($before) {
        New-LockedFolder -Path "$work\before"
        # The first one of a version is the one from before setup.
        if (-not (Test-File -Path $kept)) { Copy-File -Source $configuration -Destination $kept }
    }
    $running = (Get-ServiceStatus -Name $script:Service) -eq 'Running'
    # A running service would have setup ask for a restart.
    if ($running) { Set-ServiceRunning -Name $script:Service -Running $false }
    $order = @{ Action = 'patch'; Package = $patch; ProductCode = $State['facts']['ProductCode']; Property = [ordered]@{ REBOOT = 'ReallySuppress' }; TimeoutSeconds = [int] $Parameter['SetupTimeout'] }
    try { $log = Invoke-Change -What 'patch' -Order $order }
    catch {
        # Setup may still be at it; and an error in here would take the place of the one that matters.
        try { if ($running -and -not (Test-InstallerBusy)) { Set-ServiceRunning -Name $script:Service -Running $true } }
        catch { Write-Warning -Message ($script:Text.ServiceNotStarted -f $_.Exception.Message) }
        throw
    }
    Complete-Change -Parameter $Parameter -Running $running -Log $log
    $log
    $after = Get-FileFact -Path $configuration
    if ($before -and (-not $after -or $after['Sha256'] -ne $before['Sha256'])) { Write-Warning -Message ($script:Text.ConfigurationReplaced -f $configuration, $kept) }
}

function Set-MimSetting {
    # Give accounts and groups to setup's maintenance mode. Whatever else it takes is told as it is, or it would be reset.
    # Returns the path of the setup log.
    param([hashtable] $Parameter, [System.Collections.IDictionary] $State)
    Assert-Installer
    Assert-Name -Parameter $Parameter
    if ([string] $State['facts']['InstallPath'] -notmatch '\\Synchronization Service\\?\z') { throw $script:Text.NoInstallPath }
    $version = [string] $State['facts']['ProductVersion']
    if ($Parameter['ManagedServiceAccount'] -and [string]::CompareOrdinal((Get-VersionKey $version), (Get-VersionKey $script:FirstVersionForGmsa)) -lt 0) {
        throw $script:Text.GmsaNeedsPatch -f $script:FirstVersionForGmsa, $version
    }
    $given = $Parameter.Clone()
    $given.Remove('EnableRpcFirewallRules')
    foreach ($name in 'SqlServer', 'SqlInstance', 'DatabaseName', 'InstallDirectory') { $given[$name] = [string] $State['properties'][$name]['value'] }
    foreach ($name in $script:GroupNames) { if (-not $given[$name]) { $given[$name] = Get-PresentGroup -Name $name -State $State } }
    $order = Get-SetupProperty -Parameter $given
    $order.Remove('ADDLOCAL')
    # Not sent for names of this machine, and there all the same.
    foreach ($pair in @('STORESERVER', 'SqlServer'), @('SQLINSTANCE', 'SqlInstance')) { if ($given[$pair[1]]) { $order[$pair[0]] = $given[$pair[1]] } }
    $order['REINSTALL'] = 'ALL'
    $order['REINSTALLMODE'] = 'omus'
    $log = Invoke-Change -What 'settings' -Order @{
        Action = 'configure'; ProductCode = $State['facts']['ProductCode']; Property = $order; Credential = $Parameter['ServiceAccount']; TimeoutSeconds = [int] $Parameter['SetupTimeout']
    }
    Complete-Change -Parameter $Parameter -Running ($Parameter['ServiceRunning'] -ne $false) -Log $log
    $log
}

function Invoke-Change {
    # Let setup change the product; noted until Complete-Change has seen that it ended well. Returns the path of the setup log.
    param([string] $What, [hashtable] $Order)
    Set-Unfinished -What $What -Place (Get-Place)
    try { Invoke-Installer @Order }
    catch {
        # What ended with an exit code was rolled back.
        if ($_.Exception.Message -match '\AMimSync\.SetupFailed: exit code ') { Set-Unfinished }
        throw
    }
}

function Complete-Change {
    # What setup has changed is finished when nothing has moved and the service runs; also in a later run than setup's own.
    param([hashtable] $Parameter, [bool] $Running, [string] $Log)
    $tail = ''
    if ($Log) { $tail = Get-LogTail -Path $Log }
    $before = (Get-RegistryMap -Path $script:UnfinishedPath)['Place']
    $after = Get-Place
    if ($after -ne $before) { throw ($script:Text.Moved -f $before, $after, $tail).TrimEnd() }
    # Until the restart that setup wants, old files may be in use.
    $restart = $null -ne (Get-RegistryMap -Path $script:RebootPath)
    if ($Running -and -not $restart) {
        $service = Wait-ServiceStart -Name $script:Service -TimeoutSeconds $script:ServiceTimeoutSeconds
        if ($service -eq 'Stopped') {
            try { Set-ServiceRunning -Name $script:Service -Running $true } catch { Write-Warning -Message ($script:Text.ServiceNotStarted -f $_.Exception.Message) }
            $service = Wait-ServiceStart -Name $script:Service -TimeoutSeconds $script:ServiceTimeoutSeconds
        }
        if ($service -ne 'Running') { throw ($script:Text.ServiceNotRunning -f $service, $Parameter['KeyBackupPath'], $tail).TrimEnd() }
    }
    Set-Unfinished
}

function Get-PresentGroup {
    # The name of a group that the document does not state, as it is now: without it setup would take its own default.
    param([string] $Name, [System.Collections.IDictionary] $State)
    $entry = $State['properties'][$Name]
    # A SID shows itself where it has no name.
    if (-not $entry['display'] -or $entry['display'] -eq $entry['value']) { throw $script:Text.GroupUnknown -f $Name }
    [string] $entry['display']
}

function Get-Place {
    # Where the product and its database are, as one text.
    $values = Get-RegistryMap -Path $script:Parameters
    @(foreach ($name in 'Server', 'SQLInstance', 'DBName', 'Path') { "$name '$(if ($values) { $values[$name] })'" }) -join ', '
}

function Remove-MimSync {
    <#
    .SYNOPSIS
    Remove the product, after its keys were exported; the database stays. Returns the path of the setup log.
    .PARAMETER Parameter
    The parameters of Set-TargetResource.
    .PARAMETER State
    The state of the node.
    #>
    param([hashtable] $Parameter, [System.Collections.IDictionary] $State)
    $key = [string] $Parameter['KeyBackupPath']
    if (-not $key) { throw $script:Text.KeyBeforeRemoval }
    $folder = ([string] $State['facts']['InstallPath']).TrimEnd('\')
    if ($folder -and $key.StartsWith("$folder\", [System.StringComparison]::OrdinalIgnoreCase)) { throw $script:Text.KeyInRemovedFolder -f $key }
    Assert-Installer
    # As long as its keys were not activated, those of the database are in the file that was to be activated.
    if ($State['facts']['Unfinished'] -ne 'activation') { Export-Key -Parameter $Parameter -InstallPath $folder }
    # Setup takes its own rules away; it does not know ours.
    foreach ($rule in @(Get-MimFirewallRule | Where-Object { $_['Local'] -and $_['Name'] -like 'mimc-MimSync-*' })) { Remove-FirewallRule -Name $rule['Name'] }
    Invoke-Installer -Action 'remove' -ProductCode $State['facts']['ProductCode'] -Property ([ordered]@{ REBOOT = 'ReallySuppress' }) -TimeoutSeconds ([int] $Parameter['SetupTimeout'])
    Set-Unfinished
}

function Repair-Firewall {
    # Existing rules are switched; when there are none to enable, two are made under names of ours.
    param([bool] $Enabled, [string] $InstallPath)
    $rules = @(Get-MimFirewallRule | Where-Object { $_['Local'] })
    foreach ($rule in $rules) {
        if ($rule['Enabled'] -ne $Enabled) { Set-FirewallRule -Name $rule['Name'] -Enabled $Enabled }
    }
    if (-not $Enabled -or @($rules | Where-Object { $_['Program'] }).Count) { return }
    $program = Get-Program -InstallPath $InstallPath -Name 'miiserver.exe'
    New-FirewallRule -Name 'mimc-MimSync-RpcDynamic' -DisplayName 'MIM Synchronization Service (RPC)' -Program $program -Port 'RPC'
    # The endpoint mapper is not in miiserver.exe: a rule for that program would not open it.
    if (-not @($rules | Where-Object { $_['Name'] -eq $script:EndpointMapperRule })) {
        New-FirewallRule -Name $script:EndpointMapperRule -DisplayName 'MIM Synchronization Service (RPC-EPMAP)' -Program '%SystemRoot%\System32\svchost.exe' -Service 'RpcSs' -Port 'RPCEPMap'
    }
}

Export-ModuleMember -Function Repair-MimSync, Remove-MimSync
