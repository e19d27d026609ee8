# To be dot-sourced by the module's tests, after StandIns.ps1: the module over the stand-in for the seam, and what the
# walkthrough wants of a node.
$module = Join-Path -Path (Get-CopyFolder -Otherwise $TestDrive) -ChildPath 'MimSyncDsc'
Import-Module -Name (Join-Path -Path $module -ChildPath 'MimSyncDsc.Windows.psm1')
foreach ($part in 'Read', 'Compare', 'Prerequisite', 'Media', 'Order', 'Setup', 'Key', 'Repair') { Import-Module -Name (Join-Path -Path $module -ChildPath "MimSyncDsc.$part.psm1") }
Import-Module -Name (Join-Path -Path $module -ChildPath 'DSCResources/MSFT_MimSyncService/MSFT_MimSyncService.psm1')

$Plain = 'p"a;ss w$rd'
function New-Credential {
    param([string] $User = 'contoso\MIMSync', [string] $Text = $Plain)
    $secret = New-Object System.Security.SecureString
    foreach ($character in $Text.ToCharArray()) { $secret.AppendChar($character) }
    New-Object System.Management.Automation.PSCredential($User, $secret)
}
function Get-Wanted {
    param([hashtable] $With = @{}, [string[]] $Without = @())
    $wanted = @{
        IsSingleInstance = 'Yes'; Ensure = 'Present'; SourcePath = '\\corpfs\media\MIM'; AcceptLicense = $true
        SqlServer = 'corpsql.contoso.com'; SqlInstance = 'default'; DatabaseName = 'FIMSynchronizationService'
        ServiceAccount = New-Credential
        AdministratorsGroup = 'contoso\MIMSyncAdmins'; OperatorsGroup = 'contoso\MIMSyncOperators'; JoinersGroup = 'contoso\MIMSyncJoiners'
        BrowseGroup = 'contoso\MIMSyncBrowse'; PasswordResetGroup = 'contoso\MIMSyncPasswordReset'
        EnableRpcFirewallRules = $true; KeyBackupPath = 'C:\MIM\keys\miiskeys.bin'
    }
    foreach ($name in $With.Keys) { $wanted[$name] = $With[$name] }
    foreach ($name in $Without) { $wanted.Remove($name) }
    $wanted
}
function Install-Wanted {
    # A node on which the walkthrough was enacted.
    $wanted = Get-Wanted
    Set-TargetResource @wanted
    $global:Windows.Calls.Clear()
    $global:Windows.Orders.Clear()
    $global:DSCMachineStatus = 0
}
function Get-Changes { @($global:Windows.Calls | Where-Object { $_ -notmatch '^(Get-SqlRow|Read-ChildLine) ' }) }
$Service = 'SYSTEM\CurrentControlSet\Services\FIMSynchronizationService'
