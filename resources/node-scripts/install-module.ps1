param([string] $Name, [string] $Sha256, [string] $ModuleName, [string] $ModuleVersion, [string] $ModuleSha256)

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

function Move-Module {
    # Put the fresh folder in the place of the final one; when that fails, the final one is again what it was.
    param([string] $Fresh, [string] $Final, [string] $Old)
    $replaced = [System.IO.Directory]::Exists($Final)
    if ($replaced) { [System.IO.Directory]::Move($Final, $Old) }
    try { [System.IO.Directory]::Move($Fresh, $Final) }
    catch {
        if ($replaced) { [System.IO.Directory]::Move($Old, $Final) }
        throw
    }
}

Add-Type -AssemblyName System.IO.Compression
$final = Get-ModuleFolder -Name $ModuleName -Version $ModuleVersion
$staged = Get-Staged -Name $Name -Sha256 $Sha256
if ($staged['Refusal']) { return $staged['Refusal'] }
if ((Get-ModuleSha256 -Folder $final) -ne $ModuleSha256) {
    # No version number is the name of these two, so nothing takes them for a module.
    $parent = [System.IO.Path]::GetDirectoryName($final)
    $fresh = "$parent/mimc-new-$([guid]::NewGuid().ToString('N'))"
    $old = "$parent/mimc-old-$([guid]::NewGuid().ToString('N'))"
    try {
        Expand-Module -Byte $staged['Byte'] -Folder $fresh
        if ((Get-ModuleSha256 -Folder $fresh) -ne $ModuleSha256) { return Get-Refusal 'ModuleHash' "the files of $ModuleName in $Name are not those that were announced" }
        Move-Module -Fresh $fresh -Final $final -Old $old
    } finally {
        # What cannot be removed harms nobody, and must not hide what went wrong.
        foreach ($folder in $fresh, $old) {
            try { if ([System.IO.Directory]::Exists($folder)) { [System.IO.Directory]::Delete($folder, $true) } }
            catch { Write-Verbose -Message "$folder stays" }
        }
    }
}
ConvertTo-Json -InputObject ([ordered]@{ version = 1; sha256 = Get-ModuleSha256 -Folder $final }) -Compress
