# Judges cases of tests/conformance with the module's Compare-MimSyncState; writes all verdicts as JSON.
param([string] $Module, [string] $Cases)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
Import-Module -Name (Join-Path -Path $Module -ChildPath 'MimSyncDsc.Compare.psm1')

function ConvertTo-Dictionary {
    param([object] $Value)
    if ($Value -isnot [System.Management.Automation.PSCustomObject]) { return $Value }
    $dictionary = [ordered]@{}
    foreach ($property in $Value.PSObject.Properties) { $dictionary[$property.Name] = ConvertTo-Dictionary -Value $property.Value }
    $dictionary
}

$answer = foreach ($case in @(ConvertFrom-Json -InputObject ([System.IO.File]::ReadAllText($Cases)) | ForEach-Object { $_ })) {
    , @(Compare-MimSyncState -Desired (ConvertTo-Dictionary -Value $case.desired) -State (ConvertTo-Dictionary -Value $case.state))
}
[System.Console]::OutputEncoding = New-Object System.Text.UTF8Encoding($false)
[System.Console]::Out.WriteLine((ConvertTo-Json -InputObject @($answer) -Depth 6 -Compress))
