# The engine lane: all Pester tests of this folder in one run, and which commands of what ships they executed.
# Prints a table, and writes all of it as JSON to -Result. The tests execute copies (Copies.ps1) whose lines are those of
# the files that ship; a script is made of several sources (resources/generate.py), and it is the source that is counted.
param([string] $Result)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
. (Join-Path -Path $PSScriptRoot -ChildPath 'Copies.ps1')
$root = [System.IO.Path]::GetFullPath((Join-Path -Path $PSScriptRoot -ChildPath '../..'))
$seam = 'resources/dsc-modules/MimSyncDsc/MimSyncDsc.Windows.psm1'

function Get-Relative {
    param([string] $Path)
    [System.IO.Path]::GetRelativePath($root, $Path).Replace('\', '/')
}

function Get-Kept {
    # The numbers of those lines that the generator of the scripts keeps.
    param([string] $Text)
    $number = 0
    foreach ($line in [regex]::Replace($Text, '(?s)<#.*?#>', { param($found) $found.Value -replace '[^\n]' }).Split("`n")) {
        $number++
        if ($line.Trim() -and -not $line.Trim().StartsWith('#')) { $number }
    }
}

function Get-Part {
    # A file's kept lines by function; those outside of functions are under ''.
    param([string] $Path)
    $tree = [System.Management.Automation.Language.Parser]::ParseFile($Path, [ref] $null, [ref] $null)
    $kept = @(Get-Kept -Text ([System.IO.File]::ReadAllText($Path)))
    $parts = @{}
    foreach ($function in $tree.FindAll({ param($node) $node.GetType().Name -eq 'FunctionDefinitionAst' }, $true)) {
        $parts[$function.Name] = @($kept | Where-Object { $_ -ge $function.Extent.StartLineNumber -and $_ -le $function.Extent.EndLineNumber })
    }
    $inside = @($parts.Values | ForEach-Object { $_ })
    $parts[''] = @($kept | Where-Object { $_ -notin $inside })
    $parts
}

function Get-ScriptOrigin {
    # Of each line of a script of the pusher: the source file and its line.
    param([string] $Path)
    $own = "resources/node-scripts/$([System.IO.Path]::GetFileName($Path))"
    $origin = @{}
    $pool = @{}
    foreach ($source in $own, 'resources/node-scripts/functions.ps1', ($seam -replace 'Windows', 'Read'), $seam) {
        $parts = Get-Part -Path "$root/$source"
        foreach ($name in $parts.Keys) { if (-not $pool.ContainsKey($name)) { $pool[$name] = @{ Source = $source; Line = $parts[$name] } } }
    }
    $script = Get-Part -Path $Path
    # The generator's own two, strict mode and error preference, stand for the first line of the source.
    $first, $strict, $preference, $rest = $script['']
    foreach ($line in $strict, $preference) { $origin[$line] = $own, 1 }
    $script[''] = @($first) + @($rest)
    foreach ($name in $script.Keys) {
        if ($script[$name].Count -ne $pool[$name].Line.Count) { throw "$Path is not made of its sources: $name" }
        for ($i = 0; $i -lt $script[$name].Count; $i++) { $origin[$script[$name][$i]] = @($pool[$name].Source, $pool[$name].Line[$i]) }
    }
    $origin
}

function Get-SeamUse {
    # How each function of the seam was executed here, if ever. Commands that only Windows has are played in any case.
    param([object[]] $Point)
    $calls = @()
    if (Test-Path -LiteralPath $env:MIMC_CALLS) { $calls = [System.IO.File]::ReadAllLines($env:MIMC_CALLS) }
    foreach ($group in $Point | Where-Object { $_.File -eq $seam -and $_.Function } | Group-Object -Property { $_.Function }) {
        $covered = @($group.Group | Where-Object { $_.By })
        $use = 'never'
        if ($covered) { $use = 'with stand-in types' }
        if (@($covered | Where-Object { "$env:MIMC_COPIES/seam/plain.psm1" -in $_.By })) { $use = 'as shipped' }
        # In another process its calls are known, not its commands.
        if (-not $covered -and $group.Name -in $calls) { $use = 'in a child process' }
        [ordered]@{ name = $group.Name; use = $use; analysed = $group.Count; covered = $covered.Count }
    }
}

function Get-Report {
    # What the run has shown, as it is written to -Result.
    param([object] $Run, [object[]] $Point)
    $ours = @($Point | Where-Object { $_.File -ne $seam })
    $files = foreach ($group in $Point | Group-Object -Property { $_.File }) {
        [ordered]@{ file = $group.Name; analysed = $group.Count; covered = @($group.Group | Where-Object { $_.By }).Count }
    }
    # The same commands by the script that they are sent in, those of the seam with them.
    $scripts = foreach ($name in $Point | ForEach-Object { $_.In } | Where-Object { $_ -like 'pusher/*' } | Select-Object -Unique) {
        $sent = @($Point | Where-Object { $name -in $_.In })
        $here = @($sent | Where-Object { @($_.By -like "*/$([System.IO.Path]::GetFileName($name))") })
        [ordered]@{ file = $name; analysed = $sent.Count; covered = @($sent | Where-Object { $_.By }).Count; here = $here.Count }
    }
    $failed = @($Run.Failed | ForEach-Object { "$($_.ExpandedPath): $($_.ErrorRecord)" }) + @($Run.FailedContainers | ForEach-Object { "$_ $($_.ErrorRecord)" })
    [ordered]@{
        passed = $Run.PassedCount; failed = $failed; skipped = $Run.SkippedCount + $Run.NotRunCount
        analysed = $ours.Count; covered = @($ours | Where-Object { $_.By }).Count
        files = @($files); scripts = @($scripts); seam = @(Get-SeamUse -Point $Point)
        missed = @($ours | Where-Object { -not $_.By } | ForEach-Object { [ordered]@{ file = $_.File; line = $_.Line; text = $_.Text } })
    }
}

function Format-Report {
    param([System.Collections.IDictionary] $Report)
    'executed      of  commands of'
    foreach ($file in $Report.files) { '{0,8} {1,7}  {2}' -f $file.covered, $file.analysed, $file.file }
    '{0,8} {1,7}  all but the seam: {2:0.0} %' -f $Report.covered, $Report.analysed, (100 * $Report.covered / $Report.analysed)
    'As sent, in that script or wherever the same function was executed / in that very script:'
    foreach ($file in $Report.scripts) { '{0,8} {1,7}  {2} / {3}' -f $file.covered, $file.analysed, $file.file, $file.here }
    'Functions of the seam:'
    foreach ($group in $Report.seam | Group-Object -Property { $_.use }) { '  {0}: {1}' -f $group.Name, (@($group.Group | ForEach-Object { if ($_.covered -lt $_.analysed) { "$($_.name) ($($_.covered) of $($_.analysed))" } else { $_.name } }) -join ', ') }
    foreach ($point in $Report.missed) { "missed $($point.file):$($point.line): $($point.text)" }
    foreach ($text in $Report.failed) { "failed $text" }
    "$($Report.passed) Pester tests passed, $($Report.failed.Count) failed, $($Report.skipped) skipped"
}

function Get-Point {
    # Pester's commands by where they stand in the source; one that any copy executed was executed.
    param([object[]] $Copy, [object] $Coverage)
    $points = [ordered]@{}
    $origins = @{}
    $found = @($Coverage.CommandsExecuted | ForEach-Object { @{ Command = $_; Hit = $true } }) + @($Coverage.CommandsMissed | ForEach-Object { @{ Command = $_; Hit = $false } })
    foreach ($item in $Copy) {
        $source = Get-Relative -Path $item.Source
        if ($source -like 'pusher/*' -and -not $origins.ContainsKey($source)) { $origins[$source] = Get-ScriptOrigin -Path $item.Source }
        $of = @($found | Where-Object { $_.Command.File -eq $item.Path } | Sort-Object -Property { $_.Command.StartLine }, { $_.Command.StartColumn }, { -$_.Command.EndColumn })
        $at = 0, 0
        foreach ($point in $of) {
            $line = $point.Command.StartLine
            # A command is known by its line and by how many stand before it there: in a copy its column is another.
            $at = $line, $(if ($at[0] -eq $line) { $at[1] + 1 } else { 0 })
            $place = $source, $line
            if ($origins.ContainsKey($source)) { $place = $origins[$source][$line] }
            $key = "$($place[0]):$($place[1]):$($at[1])"
            if (-not $points.Contains($key)) {
                $points[$key] = @{ File = $place[0]; Line = $place[1]; Text = $point.Command.Command.Split("`n")[0]; Function = $point.Command.Function; In = @(); By = @() }
            }
            $points[$key].In += @($source)
            if ($point.Hit) { $points[$key].By += @($item.Path) }
        }
    }
    @($points.Values)
}

$work = Join-Path -Path ([System.IO.Path]::GetTempPath()) -ChildPath "mimc-lane-$([guid]::NewGuid().ToString('N'))"
try {
    $env:MIMC_COPIES = "$work/copies"
    $env:MIMC_CALLS = "$work/calls.txt"
    $copies = @(New-Copy -Folder $env:MIMC_COPIES)
    $configuration = New-PesterConfiguration
    $configuration.Run.Path = $PSScriptRoot
    $configuration.Run.PassThru = $true
    $configuration.Output.Verbosity = 'None'
    $configuration.CodeCoverage.Enabled = $true
    $configuration.CodeCoverage.UseBreakpoints = $false
    $configuration.CodeCoverage.Path = [string[]] @($copies | ForEach-Object { $_.Path })
    $configuration.CodeCoverage.OutputPath = "$work/coverage.xml"
    $run = Invoke-Pester -Configuration $configuration
    $report = Get-Report -Run $run -Point @(Get-Point -Copy $copies -Coverage $run.CodeCoverage)
    if ($Result) { [System.IO.File]::WriteAllText($Result, (ConvertTo-Json -InputObject $report -Depth 4)) }
    Format-Report -Report $report
    exit [int] ($report.failed.Count -gt 0)
} finally { if (Test-Path -LiteralPath $work) { Remove-Item -LiteralPath $work -Recurse -Force } }
