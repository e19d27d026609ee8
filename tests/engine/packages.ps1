# Judges packages with the module's Compare-MimPackage; writes reasons and notes as JSON.
param([string] $Module, [string] $Cases)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
Import-Module -Name (Join-Path -Path $Module -ChildPath 'MimSyncDsc.Media.psm1')

$answer = foreach ($case in @(ConvertFrom-Json -InputObject ([System.IO.File]::ReadAllText($Cases)) -AsHashtable)) {
    # As the seam gives a package: numbers are text, and what is empty too.
    $tables = @{}
    foreach ($name in $case['tables'].Keys) {
        $tables[$name] = @(foreach ($row in $case['tables'][$name]) {
                $texts = @{}
                foreach ($column in $row.Keys) { $texts[$column] = [string] $row[$column] }
                $texts
            })
    }
    $order = [ordered]@{}
    foreach ($name in $case['order']) { $order[$name] = 'x' }
    $found = Compare-MimPackage -Table $tables -Property $order
    @{ reasons = @($found['Reasons']); notes = @($found['Notes']) }
}
[System.Console]::OutputEncoding = New-Object System.Text.UTF8Encoding($false)
[System.Console]::Out.WriteLine((ConvertTo-Json -InputObject @($answer) -Depth 4 -Compress))
