# The module's texts and where it takes them, for tests/test_module_text.py: as JSON the texts that each file has under
# -Culture, by file; on the syntax tree each use of $script:Text with the number of its values; and what is said in place.
param([string] $Module, [string] $Culture)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

function Find-Node {
    param([object] $Tree, [string[]] $Name)
    $Tree.FindAll({ param($node) $node.GetType().Name -in $Name }.GetNewClosure(), $true)
}

function Get-Use {
    # A key that is put together is told by what stands before its first variable.
    param([object] $Tree)
    foreach ($node in Find-Node -Tree $Tree -Name 'VariableExpressionAst' | Where-Object { $_.VariablePath.UserPath -eq 'script:Text' }) {
        $use = $node.Parent
        if ($use.GetType().Name -eq 'AssignmentStatementAst') { continue }
        $key = $null
        $made = $use.GetType().Name -eq 'IndexExpressionAst'
        if ($made) { $key = ($use.Index.Value -split '[$]')[0] } else { $key = $use.Member.Value }
        $values = 0
        $format = $use.Parent
        if ($format.GetType().Name -eq 'BinaryExpressionAst' -and $format.Operator -eq 'Format') {
            $values = 1
            if ($format.Right.GetType().Name -eq 'ArrayLiteralAst') { $values = $format.Right.Elements.Count }
        }
        @{ key = $key; made = $made; values = $values; line = $use.Extent.StartLineNumber }
    }
}

function Get-Said {
    # Literals that are thrown or written to a stream, and whatever looks like an error of ours.
    param([object] $Tree)
    $literals = 'StringConstantExpressionAst', 'ExpandableStringExpressionAst'
    foreach ($node in Find-Node -Tree $Tree -Name $literals | Where-Object { $_.Value -cmatch '\AMimSync\.[A-Z]\w+:' }) { $node.Extent.Text }
    foreach ($node in Find-Node -Tree $Tree -Name 'ThrowStatementAst') {
        # A throw of nothing throws again what was caught.
        if (-not $node.Pipeline) { continue }
        $expression = $node.Pipeline.PipelineElements[0].Expression
        if ($expression.GetType().Name -in $literals) { $expression.Extent.Text }
    }
    foreach ($node in Find-Node -Tree $Tree -Name 'CommandAst' | Where-Object { $_.GetCommandName() -in 'Write-Warning', 'Write-Verbose', 'Write-Step' }) {
        $node.CommandElements | Select-Object -Skip 1 | Where-Object { $_.GetType().Name -in $literals } | ForEach-Object { $_.Extent.Text }
    }
}

[System.Threading.Thread]::CurrentThread.CurrentUICulture = $Culture
$answer = [ordered]@{}
foreach ($part in 'Prerequisite', 'Order', 'Media', 'Setup', 'Key', 'Repair') { Import-Module -Name "$Module/MimSyncDsc.$part.psm1" }
Import-Module -Name "$Module/DSCResources/MSFT_MimSyncService/MSFT_MimSyncService.psm1"
foreach ($loaded in Get-Module | Where-Object { $_.Path.StartsWith($Module) -and $_.Name -match 'MSFT|Prerequisite|Order|Media|Setup|Key|Repair' }) {
    $tree = [System.Management.Automation.Language.Parser]::ParseFile($loaded.Path, [ref] $null, [ref] $null)
    $answer[$loaded.Name] = @{ texts = & $loaded { $script:Text }; uses = @(Get-Use -Tree $tree); said = @(Get-Said -Tree $tree) }
}
[System.Console]::Out.WriteLine((ConvertTo-Json -InputObject $answer -Depth 5 -Compress))
