param([string[]] $Name = @(), [bool] $Document = $false, [string] $Configuration = '')

function Set-DocumentRecord {
    # Note by name and hash the documents that stay, or that there are none of ours any more.
    param([string] $Configuration)
    $path = 'SOFTWARE\mimc\Document'
    $base = [Microsoft.Win32.RegistryKey]::OpenBaseKey('LocalMachine', 'Registry64')
    $base.DeleteSubKeyTree($path, $false)
    if (-not $Configuration) { return }
    $key = $base.CreateSubKey($path)
    $key.SetValue('Name', $Configuration)
    foreach ($stage in 'Current', 'Pending') {
        $fact = Get-FileFact -Path (Get-DocumentPath -Stage $stage)
        if ($fact) { $key.SetValue($stage, [string] $fact['Sha256']) }
    }
    $key.Close()
}

foreach ($item in $Name) { Assert-StageName -Name $item }
if ($Document) {
    # Current, Pending, Previous.
    foreach ($stage in 1, 2, 4) { [void] (Invoke-Lcm -Method 'RemoveConfiguration' -Argument @{ Stage = [uint32] $stage; Force = $true }) }
}
if ($Document -or $Configuration) { Set-DocumentRecord -Configuration $Configuration }
$folder = Join-Path -Path $env:ProgramData -ChildPath 'mimc/stage'
foreach ($item in $Name) {
    if (-not [System.IO.Directory]::Exists($folder)) { break }
    foreach ($file in @(Join-Path -Path $folder -ChildPath $item) + [System.IO.Directory]::GetFiles($folder, "$item.*.part")) { [System.IO.File]::Delete($file) }
}
ConvertTo-Json -InputObject ([ordered]@{ version = 1; documents = Get-Document }) -Depth 6 -Compress
