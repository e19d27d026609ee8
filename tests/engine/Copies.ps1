# To be dot-sourced by the lane and by the tests: the copies of what ships that the tests execute. In a copy stand other
# types, or the stand-in for the seam; its lines are those of the file that ships, so that what was executed is known of both.

function Edit-Type {
    # A text with other types than those of Windows. In the text: the engine remembers what a name meant before.
    param([string] $Text, [hashtable] $Type)
    foreach ($name in $Type.Keys) { $Text = $Text -creplace "(?<=\[|New-Object )$([regex]::Escape($name))(?=[\]\(\s])", $Type[$name] }
    $Text
}

function Edit-Function {
    # A text without some functions: empty lines in their place.
    param([string] $Text, [string[]] $Name)
    $tree = [System.Management.Automation.Language.Parser]::ParseInput($Text, [ref] $null, [ref] $null)
    foreach ($function in $tree.FindAll({ param($node) $node.GetType().Name -eq 'FunctionDefinitionAst' -and $node.Name -in $Name }, $true)) {
        $Text = $Text.Replace($function.Extent.Text, $function.Extent.Text -replace '[^\n]')
    }
    $Text
}

function New-Copy {
    # Make the copies below a folder, and tell of each which file it stands for.
    param([string] $Folder)
    $root = Join-Path -Path $PSScriptRoot -ChildPath '../..'
    $shipped = [System.IO.Path]::GetFullPath("$root/resources/dsc-modules/MimSyncDsc")
    $scripts = [System.IO.Path]::GetFullPath("$root/pusher/scripts")
    if ($env:MIMC_MODULE) { $shipped = $env:MIMC_MODULE }
    if ($env:MIMC_SCRIPTS) { $scripts = $env:MIMC_SCRIPTS }
    $write = {
        param([string] $Path, [string] $Text, [string] $Source)
        [void] [System.IO.Directory]::CreateDirectory([System.IO.Path]::GetDirectoryName($Path))
        [System.IO.File]::WriteAllText($Path, $Text)
        @{ Path = $Path; Source = $Source }
    }
    $seam = "$shipped/MimSyncDsc.Windows.psm1"
    $text = [System.IO.File]::ReadAllText($seam)
    foreach ($name in $script:SeamTypes.Keys) { & $write "$Folder/seam/$name.psm1" (Edit-Type -Text $text -Type $script:SeamTypes[$name]) $seam }
    $tree = [System.Management.Automation.Language.Parser]::ParseInput($text, [ref] $null, [ref] $null)
    $functions = @($tree.FindAll({ param($node) $node.GetType().Name -eq 'FunctionDefinitionAst' }, $true) | ForEach-Object { $_.Name })
    foreach ($file in Get-ChildItem -LiteralPath $scripts -Filter '*.ps1') {
        & $write "$Folder/scripts/$($file.Name)" (Edit-Type -Text ([System.IO.File]::ReadAllText($file.FullName)) -Type $script:ScriptTypes) $file.FullName
    }
    # With the functions of whatever seam is loaded.
    & $write "$Folder/seamless/read.ps1" (Edit-Function -Text ([System.IO.File]::ReadAllText("$scripts/read.ps1")) -Name $functions) "$scripts/read.ps1"
    # Where the rest of the module is missing.
    & $write "$Folder/lone/MimSyncDsc.Installer.ps1" ([System.IO.File]::ReadAllText("$shipped/MimSyncDsc.Installer.ps1")) "$shipped/MimSyncDsc.Installer.ps1"
    foreach ($file in Get-ChildItem -LiteralPath $shipped -Recurse -File) {
        $below = $file.FullName.Substring($shipped.Length).TrimStart('/', '\')
        $copy = & $write "$Folder/MimSyncDsc/$below" ([System.IO.File]::ReadAllText($file.FullName)) $file.FullName
        if ($file.FullName -ne $seam -and $file.Extension -in '.ps1', '.psm1') { $copy }
    }
    Copy-Item -LiteralPath "$PSScriptRoot/Windows.psm1" -Destination "$Folder/MimSyncDsc/MimSyncDsc.Windows.psm1" -Force
}

function Get-CopyFolder {
    # The lane's copies; without the lane (Invoke-Pester alone) copies in the folder of the test.
    param([string] $Otherwise)
    if ($env:MIMC_COPIES) { return $env:MIMC_COPIES }
    if (-not (Test-Path -LiteralPath "$Otherwise/copies")) { [void] (New-Copy -Folder "$Otherwise/copies") }
    "$Otherwise/copies"
}

# Types that throw on this platform, and some that have less here; StandIns.cs has those in their place.
$script:ScriptTypes = @{
    'System.Security.Principal.WindowsIdentity' = 'MimcStandIns.Identity'; 'System.Security.Principal.WindowsPrincipal' = 'MimcStandIns.Principal'
    'Microsoft.Win32.RegistryKey' = 'MimcStandIns.Registry'; 'System.IO.Directory' = 'MimcStandIns.Directories'
    'System.Security.AccessControl.DirectorySecurity' = 'MimcStandIns.Security'
    'System.Security.Cryptography.X509Certificates.X509Store' = 'MimcStandIns.Store'
}
$script:SeamTypes = @{
    plain = @{}
    accounts = @{
        'System.Security.Principal.NTAccount' = 'MimcStandIns.Account'; 'System.Security.Principal.SecurityIdentifier' = 'MimcStandIns.Sid'
        'System.Security.Principal.IdentityNotMappedException' = 'MimcStandIns.NotMapped'
    }
    identity = @{ 'System.Security.Principal.WindowsIdentity' = 'MimcStandIns.Identity'; 'System.Security.Principal.WindowsPrincipal' = 'MimcStandIns.Principal' }
    packages = @{ 'MimSync.Package' = 'MimcStandIns.Package' }
    registry = @{ 'Microsoft.Win32.RegistryKey' = 'MimcStandIns.Registry' }
    folders = @{ 'System.IO.Directory' = 'MimcStandIns.Directories'; 'System.Security.AccessControl.DirectorySecurity' = 'MimcStandIns.Security' }
    files = @{ 'System.IO.File' = 'MimcStandIns.Files'; 'System.Security.AccessControl.FileSecurity' = 'MimcStandIns.Security' }
}
