# To be dot-sourced by tests: the module over a Windows in memory, and what the walkthrough wants of it.
function Copy-Module {
    # The shipped module with the stand-in for its seam (Windows.psm1).
    param([string] $Destination)
    $source = $env:MIMC_MODULE
    if (-not $source) { $source = Join-Path -Path $PSScriptRoot -ChildPath '../../resources/dsc-modules/MimSyncDsc' }
    Copy-Item -LiteralPath $source -Destination $Destination -Recurse
    $module = Join-Path -Path $Destination -ChildPath 'MimSyncDsc'
    Copy-Item -LiteralPath (Join-Path -Path $PSScriptRoot -ChildPath 'Windows.psm1') -Destination (Join-Path -Path $module -ChildPath 'MimSyncDsc.Windows.psm1') -Force
    $module
}

function Import-Part {
    # All parts of the module, so that a test may call what is in them.
    param([string] $Module)
    foreach ($part in 'Windows', 'Read', 'Compare', 'Prerequisite', 'Media', 'Order', 'Setup', 'Repair') { Import-Module -Name (Join-Path -Path $Module -ChildPath "MimSyncDsc.$part.psm1") -Global }
    Import-Module -Name (Join-Path -Path $Module -ChildPath 'DSCResources/MSFT_MimSyncService/MSFT_MimSyncService.psm1') -Global
}

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
