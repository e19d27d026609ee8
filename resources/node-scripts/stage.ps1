param([string] $Name, [string] $Sha256, [int] $Length, [int] $Offset = 0, [byte[]] $Data = @())

function Get-StageFolder {
    # Make the folder, or take one that Administrators or SYSTEM own; nothing when it is somebody else's.
    $path = $env:ProgramData
    foreach ($part in 'mimc', 'stage') {
        $path = Join-Path -Path $path -ChildPath $part
        $security = New-Object System.Security.AccessControl.DirectorySecurity
        $security.SetSecurityDescriptorSddlForm('O:BAG:BAD:P(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)')
        # Locked from its first moment; a folder that is there stays as it is.
        [void] [System.IO.Directory]::CreateDirectory($path, $security)
        $owner = (Get-Acl -LiteralPath $path).GetOwner([System.Security.Principal.SecurityIdentifier]).Value
        $link = (Get-Item -LiteralPath $path -Force).Attributes -band [System.IO.FileAttributes]::ReparsePoint
        if ($owner -notin 'S-1-5-32-544', 'S-1-5-18' -or $link) { return }
        Set-Acl -LiteralPath $path -AclObject $security
    }
    $path
}

Assert-StageName -Name $Name
if ($Sha256 -cnotmatch '\A[0-9a-f]{64}\z') { throw 'not a SHA-256' }
$folder = Get-StageFolder
if (-not $folder) { return Get-Refusal 'StageOwner' 'the folder mimc in ProgramData belongs to somebody who is no administrator, or is a link' }
$target = Join-Path -Path $folder -ChildPath $Name
$part = "$target.$Sha256.part"
$present = [System.IO.File]::Exists($target) -and (Get-Sha256 -Byte ([System.IO.File]::ReadAllBytes($target))) -eq $Sha256
$there = 0
if ([System.IO.File]::Exists($part)) { $there = [int] (New-Object System.IO.FileInfo($part)).Length }
if ($null -ne $Data -and $Data.Length -and -not $present) {
    if ($Offset -ne $there) { return Get-Refusal 'StageOffset' "the node has $there bytes of $Name, not $Offset" }
    $stream = New-Object System.IO.FileStream($part, 'Append', 'Write', 'None')
    try { $stream.Write($Data, 0, $Data.Length) } finally { $stream.Dispose() }
    $there += $Data.Length
    if ($there -ge $Length) {
        if ((Get-Sha256 -Byte ([System.IO.File]::ReadAllBytes($part))) -ne $Sha256) {
            [System.IO.File]::Delete($part)
            return Get-Refusal 'StageHash' "what arrived as $Name has another SHA-256"
        }
        [System.IO.File]::Delete($target)
        [System.IO.File]::Move($part, $target)
        $present = $true
    }
}
if ($present) { $there = [int] (New-Object System.IO.FileInfo($target)).Length }
ConvertTo-Json -InputObject ([ordered]@{ version = 1; present = $present; length = $there }) -Compress
