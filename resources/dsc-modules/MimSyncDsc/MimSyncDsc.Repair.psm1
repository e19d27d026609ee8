# The repairs of an installed product: firewall, keys, patch, settings; and its removal, which never touches the database.
# Errors begin with MimSync.<Code>: only their text gets through the LCM.
Set-StrictMode -Version Latest
foreach ($part in 'Windows', 'Read', 'Prerequisite', 'Order', 'Setup') {
    Import-Module -Name (Join-Path -Path $PSScriptRoot -ChildPath "MimSyncDsc.$part.psm1")
}
$script:Text = Import-LocalizedData -UICulture 'en-US' -BaseDirectory $PSScriptRoot -FileName 'MimSyncDsc.strings.psd1' -ErrorAction Stop

$script:RecordPath = 'SOFTWARE\mimc\MimSyncDsc'
$script:EndpointMapperRule = 'mimc-MimSync-RpcEndpointMapper'
$script:KeyToolTimeoutSeconds = 120

function Repair-MimSync {
    <#
    .SYNOPSIS
    Put right what Set may put right on an installed product.
    .DESCRIPTION
    Keys first: whatever comes after may need them. Settings that setup alone can change are drift only under the policy
    Reconfigure, and the version only with a patch: Compare-MimSyncState says so. The firewall comes last, for setup may
    make rules of its own.
    .PARAMETER Parameter
    The parameters of Set-TargetResource.
    .PARAMETER Verdict
    What differs, from Compare-MimSyncState.
    .PARAMETER State
    The state that was compared.
    #>
    param([hashtable] $Parameter, [object[]] $Verdict, [System.Collections.IDictionary] $State)
    $drift = @{}
    foreach ($item in $Verdict) { if ($item['Status'] -eq 'drift') { $drift[$item['Property']] = $item['Desired'] } }
    $path = $State['facts']['InstallPath']
    $account = $drift.ContainsKey('ServiceAccount') -or $drift.ContainsKey('ManagedServiceAccount')
    if ($drift.ContainsKey('KeyBackupPath')) {
        if ($account) { throw $script:Text.KeyBeforeAccount -f $Parameter['KeyBackupPath'], $State['facts']['KeyBackupReason'] }
        Export-Key -Parameter $Parameter -InstallPath $path
    }
    if ($drift.ContainsKey('MinimumVersion')) { [void] (Update-MimSync -Parameter $Parameter -InstallPath $path) }
    $settings = @('ServiceAccount', 'ManagedServiceAccount', 'AdministratorsGroup', 'OperatorsGroup', 'JoinersGroup', 'BrowseGroup', 'PasswordResetGroup' | Where-Object { $drift.ContainsKey($_) })
    if ($settings) { Set-MimSetting -Parameter $Parameter -State $State }
    if ($drift.ContainsKey('EnableRpcFirewallRules')) { Repair-Firewall -Enabled $drift['EnableRpcFirewallRules'] -InstallPath $path }
}

function Update-MimSync {
    # Apply the patch; its copy is what is judged and applied.
    param([hashtable] $Parameter, [string] $InstallPath)
    Write-Step -Message $script:Text.StepJudgePatch
    Assert-Installer
    $patch = "$(Get-WorkFolder)\media\MimSync.msp"
    New-LockedFolder -Path (Get-WorkFolder)
    New-LockedFolder -Path "$(Get-WorkFolder)\media"
    if (-not (Test-File -Path $Parameter['PatchPath'])) { throw $script:Text.PatchMissing -f $Parameter['PatchPath'] }
    Copy-File -Source $Parameter['PatchPath'] -Destination $patch
    Assert-Media -Package $patch
    # Setup may put a new one in its place, and what an administrator has set there would be gone.
    $configuration = Get-Program -InstallPath $InstallPath -Name 'miiserver.exe.config'
    if (Test-File -Path $configuration) {
        New-LockedFolder -Path "$(Get-WorkFolder)\before"
        Copy-File -Source $configuration -Destination "$(Get-WorkFolder)\before\miiserver.exe.config"
    }
    Invoke-Installer -Action 'patch' -Subject $patch -Property ([ordered]@{ REBOOT = 'ReallySuppress' }) -TimeoutSeconds ([int] $Parameter['SetupTimeout'])
}

function Set-MimSetting {
    # Give accounts and groups to setup's maintenance mode. Database and folder are told as they are: they do not move.
    param([hashtable] $Parameter, [System.Collections.IDictionary] $State)
    $key = [string] $Parameter['KeyBackupPath']
    if (-not $key) { throw $script:Text.KeyBeforeSettings }
    Assert-Installer
    $given = $Parameter.Clone()
    foreach ($name in 'InstallDirectory', 'EnableRpcFirewallRules') { $given.Remove($name) }
    foreach ($name in 'SqlServer', 'SqlInstance', 'DatabaseName') { $given[$name] = $State['properties'][$name]['value'] }
    $order = Get-SetupProperty -Parameter $given
    $order.Remove('ADDLOCAL')
    $order['REINSTALL'] = 'ALL'
    $order['REINSTALLMODE'] = 'omus'
    $log = Invoke-Installer -Action 'configure' -Subject $State['facts']['ProductCode'] -Property $order -Credential $Parameter['ServiceAccount'] -TimeoutSeconds ([int] $Parameter['SetupTimeout'])
    $service = Get-ServiceStatus -Name 'FIMSynchronizationService'
    if ($service -ne 'Running') { throw $script:Text.ServiceNotRunning -f $service, $key, (Get-LogTail -Path $log) }
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
    Export-Key -Parameter $Parameter -InstallPath $folder
    Invoke-Installer -Action 'remove' -Subject $State['facts']['ProductCode'] -Property ([ordered]@{ REBOOT = 'ReallySuppress' }) -TimeoutSeconds ([int] $Parameter['SetupTimeout'])
    # Setup takes its own rules away; it does not know ours.
    foreach ($rule in @(Get-MimFirewallRule | Where-Object { $_['Local'] -and $_['Name'] -like 'mimc-MimSync-*' })) { Remove-FirewallRule -Name $rule['Name'] }
}

function Get-Program {
    # The path of a program of the product.
    param([string] $InstallPath, [string] $Name)
    if (-not $InstallPath) { throw $script:Text.NoInstallPath }
    $InstallPath.TrimEnd('\') + "\Bin\$Name"
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

function Export-Key {
    <# .SYNOPSIS
    Export the encryption keys and record what was exported. The old file is replaced by a whole new one only. #>
    param([hashtable] $Parameter, [string] $InstallPath)
    Write-Step -Message $script:Text.StepExportKeys
    $path = [string] $Parameter['KeyBackupPath']
    $tool = Get-Program -InstallPath $InstallPath -Name 'miiskmu.exe'
    $user = Get-ServiceUser -Parameter $Parameter
    $fresh = New-KeyFile -Name 'miiskeys.bin'
    try {
        $code = Invoke-KeyTool -Tool $tool -Argument "/e `"$fresh`" `"/u:$user`"" -Credential $Parameter['ServiceAccount']
        $file = Get-FileFact -Path $fresh
        if ($null -eq $file -or $file['Length'] -eq 0) {
            throw $script:Text.KeyNotExported -f "$code", $path
        }
        Copy-LockedFile -Source $fresh -Destination $path
        $copy = Get-FileFact -Path $path
        if ($null -eq $copy -or $copy['Sha256'] -ne $file['Sha256']) { throw $script:Text.KeyNotCopied -f $path }
        Set-RegistryMap -Path "$script:RecordPath\KeyBackup" -Value @{ Path = $path; Sha256 = $file['Sha256']; Time = [System.DateTime]::UtcNow.ToString('o') }
    } finally { Remove-Path -Path $fresh }
}

function Enable-Key {
    <#
    .SYNOPSIS
    Give the key file of an existing database to a product that was just installed over it.
    .PARAMETER Parameter
    The parameters of Set-TargetResource.
    .PARAMETER InstallPath
    Where the product is.
    #>
    param([hashtable] $Parameter, [string] $InstallPath)
    Write-Step -Message $script:Text.StepActivateKeys
    $tool = Get-Program -InstallPath $InstallPath -Name 'miisactivate.exe'
    # Alone among all programs it wants a managed account without its $.
    $user = (Get-ServiceUser -Parameter $Parameter).TrimEnd('$')
    $copy = New-KeyFile -Name 'existing.bin'
    try {
        Copy-File -Source $Parameter['ExistingKeyPath'] -Destination $copy
        $code = Invoke-KeyTool -Tool $tool -Argument "`"$copy`" `"$user`"" -Credential $Parameter['ServiceAccount']
        if ($code -ne 0) {
            throw $script:Text.KeyNotActivated -f $Parameter['ExistingKeyPath'], "$code"
        }
    } finally { Remove-Path -Path $copy }
}

function Get-ServiceUser {
    # The service account's name, for a tool that asks for it.
    param([hashtable] $Parameter)
    $user = [string] $Parameter['ManagedServiceAccount']
    if ($Parameter['ServiceAccount']) { $user = $Parameter['ServiceAccount'].UserName }
    if (-not $user) { throw $script:Text.KeyNeedsAccount }
    if ($user.Contains('"')) { throw $script:Text.AccountQuote }
    $user
}

function New-KeyFile {
    # The path of a key file that nobody else can read, and that is not there yet.
    param([string] $Name)
    $folder = "$(Get-WorkFolder)\keys"
    New-LockedFolder -Path (Get-WorkFolder)
    New-LockedFolder -Path $folder
    Remove-Path -Path "$folder\$Name"
    "$folder\$Name"
}

function Invoke-KeyTool {
    # Run a tool of the product that asks for the service account's password: it is typed, never an argument.
    # Gives its exit code, nothing when it did not end.
    param([string] $Tool, [string] $Argument, [pscredential] $Credential)
    $prompt = ''
    if ($Credential) { $prompt = ' *' }
    $child = Start-Child -FilePath $Tool -Argument "$Argument$prompt /q"
    try {
        if ($Credential) { Send-Order -Writer $child['Input'] -Line $Credential -Plain }
        $child['Input'].Close()
    } catch [System.IO.IOException] { Write-Verbose -Message $script:Text.KeyToolEnded }
    $code = Wait-Child -Child $child -TimeoutSeconds $script:KeyToolTimeoutSeconds
    if ($null -eq $code) { Stop-Child -Child $child }
    $code
}

Export-ModuleMember -Function Repair-MimSync, Remove-MimSync, Enable-Key
