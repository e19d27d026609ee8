# What Get and the reading scripts answer on this node, held against docs/contract.md. Dot-sourced by on-windows.ps1.

function Get-StateFault {
    # What is not as docs/contract.md has it, in an answer that was parsed from JSON.
    param([object] $State)
    $parts = @(Get-Name -Object $State)
    if (($parts -join ' ') -cne 'version node sids properties facts') { return "parts: $($parts -join ' ')" }
    if ((@(Get-Name -Object $State.node) -join ' ') -cne 'computerName fqdn sqlAliases') { "node: $(@(Get-Name -Object $State.node) -join ' ')" }
    if (@(Get-Name -Object $State.properties) -notcontains 'Ensure') { 'no Ensure' }
    foreach ($item in @($State.properties.PSObject.Properties)) {
        $kinds = @(Get-Name -Object $item.Value)
        if (@($kinds | Where-Object { $_ -cin 'value', 'unknown', 'notChecked' }).Count -ne 1) { "$($item.Name): $($kinds -join ' ')" }
        foreach ($kind in $kinds) { if ($item.Value.$kind -is [pscustomobject]) { "$($item.Name).${kind}: an object, perhaps a null that was written as {}" } }
    }
    foreach ($part in 'sids', 'facts') {
        foreach ($item in @($State.$part.PSObject.Properties)) { if ($item.Value -is [pscustomobject]) { "$part.$($item.Name): an object, perhaps a null that was written as {}" } }
    }
}

function Get-StateSummary {
    # Which properties were read and which not. No values: they are names of the site.
    param([object] $State)
    @(foreach ($item in @($State.properties.PSObject.Properties)) { "$($item.Name) $(@(Get-Name -Object $item.Value)[0])" }) -join ', '
}

function Test-StateOfGet {
    $answer = Get-TargetResource -IsSingleInstance 'Yes' -SourcePath 'C:\mimc-none' -AcceptLicense $false
    $state = ConvertFrom-Json -InputObject $answer['State']
    $faults = @(Get-StateFault -State $state)
    Get-Finding -Seen "Ensure $($state.properties.Ensure.value); $(Get-StateSummary -State $state). $($faults -join '; ')" -Fact ([ordered]@{
            'State is as docs/contract.md says' = -not $faults; 'Ensure is Present or Absent' = $state.properties.Ensure.value -cin 'Present', 'Absent'
        })
}

function Get-ScriptAnswer {
    # What a reading script of the pusher answers, parsed; nothing when the scripts are not here.
    param([string] $Name, [hashtable] $With)
    $file = Join-Path -Path $Scripts -ChildPath "$Name.ps1"
    if (-not (Test-Path -LiteralPath $file)) { return }
    $lines = @(& $file @With)
    if ($lines.Count -ne 1 -or $lines[0] -isnot [string] -or -not $lines[0].StartsWith('{"version":1,')) { throw "$Name.ps1 gave no single JSON document of version 1" }
    ConvertFrom-Json -InputObject $lines[0]
}

function Test-ScriptRead {
    $known = ConvertFrom-Sid -Sid $administrators
    $answer = Get-ScriptAnswer -Name 'read' -With @{ Account = @($known, $nobody); KeyBackupPath = "$env:SystemRoot\$nobody" }
    if ($null -eq $answer) { return Get-NotPossible -Why 'pusher/scripts is not there: run it in a checkout, or give -Scripts' }
    $faults = @(Get-StateFault -State $answer.state)
    Get-Finding -Seen "$(Get-StateSummary -State $answer.state). $($faults -join '; ')" -Fact ([ordered]@{
            'the answer is as docs/contract.md says' = -not $faults; 'a name is answered with its SID' = $answer.state.sids.$known -eq $administrators
            'one that nobody has with null' = $null -eq $answer.state.sids.$nobody
        })
}

function Test-ScriptPreflight {
    if (-not (Test-Path -LiteralPath (Join-Path -Path $Scripts -ChildPath 'preflight.ps1'))) { return Get-NotPossible -Why 'pusher/scripts is not there: run it in a checkout, or give -Scripts' }
    $version = (Import-PowerShellDataFile -Path (Join-Path -Path $Module -ChildPath 'MimSyncDsc.psd1'))['ModuleVersion']
    $answer = Get-ScriptAnswer -Name 'preflight' -With @{ Thumbprint = '0' * 40; ModuleName = 'MimSyncDsc'; ModuleVersion = $version }
    $follow = Get-ScriptAnswer -Name 'follow' -With @{ JobId = '00000000-0000-0000-0000-000000004711' }
    $seen = "LCM $($answer.lcm.state); settings $(@(Get-Name -Object $answer.lcm.settings) -join ', '); managers $(@($answer.lcm.managers).Count)"
    Get-Finding -Seen $seen -Fact ([ordered]@{
            'preflight has the parts of the contract' = (@(Get-Name -Object $answer) -join ' ') -ceq 'version node certificate lcm documents module'
            'the state of the LCM is a known word' = $answer.lcm.state -in 'Idle', 'Busy', 'PendingReboot', 'PendingConfiguration'
            'its refresh mode was read' = [bool] $answer.lcm.settings.RefreshMode
            'follow has no record of a job that nobody sent' = (@(Get-Name -Object $follow) -join ' ') -ceq 'version lcm job' -and $null -eq $follow.job
        })
}
