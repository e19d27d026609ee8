# The cases of tests/conformance through the module's Compare: test_powershell.py holds them against the Python twin.
Describe 'a case of tests/conformance' {
    BeforeDiscovery {
        $cases = foreach ($file in Get-ChildItem -LiteralPath "$PSScriptRoot/../conformance" -Filter '*.json') {
            foreach ($case in ConvertFrom-Json -InputObject ([System.IO.File]::ReadAllText($file.FullName)) -AsHashtable) { @{ Name = "$($file.BaseName): $($case['name'])"; Case = $case } }
        }
    }
    BeforeAll {
        Set-StrictMode -Version Latest
        . (Join-Path -Path $PSScriptRoot -ChildPath 'StandIns.ps1')
        . (Join-Path -Path $PSScriptRoot -ChildPath 'Wanted.ps1')
    }
    AfterAll { Remove-Command }
    It '<Name>' -ForEach $cases {
        $verdicts = @(Compare-MimSyncState -Desired $Case['desired'] -State $Case['state'])
        $verdicts | Should -HaveCount @($Case['verdicts']).Count
        for ($i = 0; $i -lt $verdicts.Count; $i++) {
            $expected = $Case['verdicts'][$i]
            $verdicts[$i]['Property'], $verdicts[$i]['Status'] | Should -BeExactly @($expected['property'], $expected['status'])
            if ($expected.ContainsKey('actual')) { $verdicts[$i]['Actual'] | Should -BeExactly $expected['actual'] }
            if ($expected['reason']) { $verdicts[$i]['Reason'] | Should -BeExactly $expected['reason'] }
        }
    }
    It 'has no rule that Compare does not know' {
        $compare = Get-Module -All -Name 'MimSyncDsc.Compare' | Where-Object { $_.Path.StartsWith($module) } | Select-Object -First 1
        { & $compare { Test-Same -Rule 'almost' -Desired 'a' -Actual 'a' -State @{} } } | Should -Throw 'MimSync.Internal: no rule almost'
    }
}
