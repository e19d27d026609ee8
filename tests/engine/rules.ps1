# Rules of good PowerShell on the engine's own syntax tree, for tests/test_powershell_rules.py: those of PSScriptAnalyzer that
# matter here and are short. Writes as JSON what it found in the files of -List, by path: "rule line: text".
param([string] $List)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

$automatic = '_', 'args', 'error', 'event', 'eventargs', 'eventsubscriber', 'executioncontext', 'false', 'foreach', 'home', 'host', 'input', 'isnot', 'lastexitcode',
    'matches', 'myinvocation', 'nestedpromptlevel', 'null', 'pid', 'profile', 'psboundparameters', 'pscmdlet', 'pscommandpath', 'psculture', 'psdebugcontext', 'pshome',
    'psitem', 'psscriptroot', 'pssenderinfo', 'psuiculture', 'psversiontable', 'pwd', 'sender', 'shellid', 'stacktrace', 'switch', 'this', 'true'
# Of these everybody writes the first argument without its name.
$idioms = 'ForEach-Object', 'New-Object', 'Where-Object'

function Find-Node {
    param([object] $Tree, [string] $Name)
    $Tree.FindAll({ param($node) $node.GetType().Name -eq $Name }.GetNewClosure(), $true)
}

function Find-CommandFault {
    param([object] $Tree, [string[]] $Ours)
    foreach ($item in Find-Node -Tree $Tree -Name 'CommandAst') {
        $name = [string] $item.GetCommandName()
        $rest = @($item.CommandElements | Select-Object -Skip 1)
        $named = @($rest | Where-Object { $_.GetType().Name -eq 'CommandParameterAst' } | ForEach-Object { $_.ParameterName })
        if ($name -in 'Invoke-Expression', 'Write-Host') { @{ Rule = $name; Node = $item } }
        if ($name -eq 'ConvertTo-SecureString' -and $named -like 'As*') { @{ Rule = 'AsPlainText'; Node = $item } }
        if (-not $name -or $name -in $Ours -or $name -in $idioms) { continue }
        # What follows a parameter is taken for its argument; after a switch this looks away once.
        $before = $null
        foreach ($element in $rest) {
            $isParameter = $element.GetType().Name -eq 'CommandParameterAst'
            $isSplat = $element.GetType().Name -eq 'VariableExpressionAst' -and $element.Splatted
            if (-not $isParameter -and -not $isSplat -and -not ($before -and $null -eq $before.Argument)) { @{ Rule = 'Positional'; Node = $item } }
            $before = $null
            if ($isParameter) { $before = $element }
        }
    }
}

function Find-VariableFault {
    param([object] $Tree)
    foreach ($item in Find-Node -Tree $Tree -Name 'VariableExpressionAst') {
        if ($item.VariablePath.IsGlobal -and $item.VariablePath.UserPath -ne 'global:DSCMachineStatus') { @{ Rule = 'Global'; Node = $item } }
    }
    foreach ($item in Find-Node -Tree $Tree -Name 'BinaryExpressionAst') {
        if ($item.Operator -in 'Ieq', 'Ine', 'Ceq', 'Cne' -and $item.Right.Extent.Text -eq '$null') { @{ Rule = 'NullOnTheRight'; Node = $item } }
    }
    $written = @(Find-Node -Tree $Tree -Name 'AssignmentStatementAst' | ForEach-Object { Find-Node -Tree $_.Left -Name 'VariableExpressionAst' }) +
        @(Find-Node -Tree $Tree -Name 'ForEachStatementAst' | ForEach-Object { $_.Variable }) + @(Find-Node -Tree $Tree -Name 'ParameterAst' | ForEach-Object { $_.Name })
    foreach ($item in $written) {
        # In $map[$_] = 1 it is the map that is written.
        if ($item.Parent.GetType().Name -notin 'IndexExpressionAst', 'MemberExpressionAst' -and $item.VariablePath.UserPath -in $automatic) { @{ Rule = 'Automatic'; Node = $item } }
    }
}

function Find-ParameterFault {
    param([object] $Tree)
    foreach ($block in Find-Node -Tree $Tree -Name 'ParamBlockAst') {
        $used = @(Find-Node -Tree $block.Parent -Name 'VariableExpressionAst' | Where-Object { $_.Parent.GetType().Name -ne 'ParameterAst' } | ForEach-Object { $_.VariablePath.UserPath })
        foreach ($parameter in $block.Parameters) {
            $name = $parameter.Name.VariablePath.UserPath
            if ($name -notin $used -and 'PSBoundParameters' -notin $used) { @{ Rule = 'Unused'; Node = $parameter } }
            if ($name -match '(Password|Passphrase|Secret)s?\z' -and $parameter.StaticType.Name -in 'String', 'String[]', 'Object') { @{ Rule = 'PlainPassword'; Node = $parameter } }
        }
    }
}

function Find-UnreadFault {
    # A variable of a function that is given a value which nobody reads.
    param([object] $Tree)
    foreach ($function in Find-Node -Tree $Tree -Name 'FunctionDefinitionAst') {
        $written = @(Find-Node -Tree $function -Name 'AssignmentStatementAst' | Where-Object { $_.Operator -eq 'Equals' } | ForEach-Object { $_.Left } |
                ForEach-Object { if ($_.GetType().Name -eq 'ArrayLiteralAst') { $_.Elements } elseif ($_.GetType().Name -eq 'ConvertExpressionAst') { $_.Child } else { $_ } } |
                Where-Object { $_.GetType().Name -eq 'VariableExpressionAst' -and $_.VariablePath.IsUnqualified })
        $read = @(Find-Node -Tree $function -Name 'VariableExpressionAst' | Where-Object { $_ -notin $written } | ForEach-Object { $_.VariablePath.UserPath })
        foreach ($item in $written) { if ($item.VariablePath.UserPath -notin $read) { @{ Rule = 'Unread'; Node = $item } } }
    }
}

function Find-CatchFault {
    # Nothing done for whatever went wrong; with a type it says at least what may go wrong.
    param([object] $Tree)
    foreach ($item in Find-Node -Tree $Tree -Name 'CatchClauseAst') {
        if (-not $item.Body.Statements.Count -and $item.IsCatchAll -and $item.Extent.Text -notmatch '#') { @{ Rule = 'EmptyCatch'; Node = $item } }
    }
}

function Find-StrictFault {
    # Strict mode is the first command of a file.
    param([object] $Tree)
    if ($null -eq $Tree.EndBlock -or $Tree.EndBlock.Extent.Text -notmatch '(?s)\A(\s*#[^\n]*\n)*(param\([^\n]*\n)?(\s*#[^\n]*\n)*\s*Set-StrictMode -Version Latest\b') { @{ Rule = 'StrictMode'; Node = $Tree } }
}

$trees = [ordered]@{}
foreach ($path in [System.IO.File]::ReadAllLines($List)) { $trees[$path] = [System.Management.Automation.Language.Parser]::ParseFile($path, [ref] $null, [ref] $null) }
$ours = @($trees.Values | ForEach-Object { Find-Node -Tree $_ -Name 'FunctionDefinitionAst' } | ForEach-Object { $_.Name })
$answer = [ordered]@{}
foreach ($path in $trees.Keys) {
    $tree = $trees[$path]
    $found = @(Find-CommandFault -Tree $tree -Ours $ours) + @(Find-VariableFault -Tree $tree) + @(Find-ParameterFault -Tree $tree) + @(Find-CatchFault -Tree $tree) +
        @(Find-UnreadFault -Tree $tree) + @(Find-StrictFault -Tree $tree)
    $answer[$path] = @($found | ForEach-Object { "$($_.Rule) $($_.Node.Extent.StartLineNumber): $($_.Node.Extent.Text.Split("`n")[0])" })
}
[System.Console]::Out.WriteLine((ConvertTo-Json -InputObject $answer -Compress))
