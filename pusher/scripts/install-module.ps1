param([string] $Name, [string] $Sha256, [string] $ModuleName, [string] $ModuleVersion, [string] $ModuleSha256)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

function Get-Refusal {
    param([string] $Code, [string] $Message)
    ConvertTo-Json -InputObject ([ordered]@{ version = 1; refused = [ordered]@{ code = $Code; message = $Message } }) -Compress
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

function Expand-Module {
    # Every entry is a file below the folder, whatever its name tries.
    param([byte[]] $Byte, [string] $Folder)
    [void] [System.IO.Directory]::CreateDirectory($Folder)
    $stream = New-Object System.IO.MemoryStream(, $Byte)
    $archive = New-Object System.IO.Compression.ZipArchive($stream)
    foreach ($entry in $archive.Entries) {
        if ($entry.FullName -cnotmatch '\A[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*\z') { throw "the archive has an entry '$($entry.FullName)'" }
        $path = Join-Path -Path $Folder -ChildPath $entry.FullName
        [void] [System.IO.Directory]::CreateDirectory([System.IO.Path]::GetDirectoryName($path))
        $source = $entry.Open()
        $target = New-Object System.IO.FileStream($path, 'CreateNew', 'Write', 'None')
        try { $source.CopyTo($target) } finally { $target.Dispose(); $source.Dispose() }
    }
    $archive.Dispose()
}

Add-Type -AssemblyName System.IO.Compression
if ($ModuleName -cnotmatch '\A[A-Za-z0-9]+\z' -or $ModuleVersion -notmatch '\A[0-9.]+\z') { throw 'not the name and version of a module' }
$staged = Get-Staged -Name $Name -Sha256 $Sha256
if ($staged['Refusal']) { return $staged['Refusal'] }
$parent = "$env:ProgramFiles/WindowsPowerShell/Modules/$ModuleName"
$final = "$parent/$ModuleVersion"
if ((Get-ModuleSha256 -Folder $final) -ne $ModuleSha256) {
    # No version number is the name of these two, so nothing takes them for a module.
    $fresh = "$parent/mimc-new-$([guid]::NewGuid().ToString('N'))"
    $old = "$parent/mimc-old-$([guid]::NewGuid().ToString('N'))"
    try {
        Expand-Module -Byte $staged['Byte'] -Folder $fresh
        if ((Get-ModuleSha256 -Folder $fresh) -ne $ModuleSha256) { return Get-Refusal 'ModuleHash' "the files of $ModuleName in $Name are not those that were announced" }
        if ([System.IO.Directory]::Exists($final)) { [System.IO.Directory]::Move($final, $old) }
        [System.IO.Directory]::Move($fresh, $final)
    } finally {
        foreach ($folder in $fresh, $old) { if ([System.IO.Directory]::Exists($folder)) { [System.IO.Directory]::Delete($folder, $true) } }
    }
}
ConvertTo-Json -InputObject ([ordered]@{ version = 1; sha256 = Get-ModuleSha256 -Folder $final }) -Compress
