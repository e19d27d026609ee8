# Parses PowerShell files with the engine's own parser and tells, as JSON, what tests/test_powershell.py judges.
param([string] $List)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

$newerTokens = 'QuestionMark', 'QuestionQuestion', 'QuestionQuestionEquals', 'QuestionDot', 'QuestionLBracket', 'AndAnd', 'OrOr', 'Clean'
$newerTrees = 'TernaryExpressionAst', 'PipelineChainAst'

function Get-Newer {
    param([object] $Tree, [object[]] $Token)
    foreach ($item in $Token) {
        if ($item.Kind.ToString() -in $newerTokens) { "$($item.Extent.StartLineNumber): token $($item.Kind)" }
    }
    foreach ($item in $Tree.FindAll({ param($node) $true }, $true)) {
        $name = $item.GetType().Name
        if ($name -in $newerTrees) { "$($item.Extent.StartLineNumber): $name" }
        if ($name -eq 'PipelineAst' -and $item.Background) { "$($item.Extent.StartLineNumber): background" }
        foreach ($property in 'NullConditional', 'CleanBlock') {
            $found = $item.PSObject.Properties[$property]
            if ($found -and $found.Value) { "$($item.Extent.StartLineNumber): $property" }
        }
    }
}

function Get-CommandUse {
    param([object] $Tree)
    foreach ($item in $Tree.FindAll({ param($node) $node.GetType().Name -eq 'CommandAst' }, $true)) {
        $parameters = @($item.CommandElements | Where-Object { $_.GetType().Name -eq 'CommandParameterAst' } | ForEach-Object { $_.ParameterName })
        @{ name = [string] $item.GetCommandName(); line = $item.Extent.StartLineNumber; parameters = $parameters; text = $item.Extent.Text.Split("`n")[0] }
    }
}

function Get-TypeUse {
    param([object] $Tree)
    foreach ($item in $Tree.FindAll({ param($node) $node.GetType().Name -in 'TypeExpressionAst', 'TypeConstraintAst' }, $true)) { $item.TypeName.FullName }
    foreach ($item in $Tree.FindAll({ param($node) $node.GetType().Name -eq 'CommandAst' }, $true)) {
        if ($item.GetCommandName() -eq 'New-Object' -and $item.CommandElements[1].GetType().Name -ne 'CommandParameterAst') { $item.CommandElements[1].Extent.Text -replace '\(.*', '' }
    }
}

function Get-Parameter {
    param([object] $Block)
    if ($null -eq $Block) { return }
    foreach ($parameter in $Block.Parameters) {
        $attributes = @($parameter.Attributes | ForEach-Object { $_.Extent.Text })
        @{ name = $parameter.Name.VariablePath.UserPath; type = $parameter.StaticType.FullName; attributes = $attributes }
    }
}

$answer = foreach ($path in [System.IO.File]::ReadAllLines($List)) {
    $tokens = $null
    $errors = $null
    $tree = [System.Management.Automation.Language.Parser]::ParseFile($path, [ref] $tokens, [ref] $errors)
    $functions = @{}
    foreach ($item in $tree.FindAll({ param($node) $node.GetType().Name -eq 'FunctionDefinitionAst' }, $true)) {
        $functions[$item.Name] = @{
            parameters = @(Get-Parameter -Block $item.Body.ParamBlock)
            help = $null -ne $item.GetHelpContent()
            text = $item.Extent.Text
        }
    }
    @{
        path = $path
        errors = @($errors | ForEach-Object { "$($_.Extent.StartLineNumber): $($_.Message)" })
        newer = @(Get-Newer -Tree $tree -Token $tokens)
        commands = @(Get-CommandUse -Tree $tree)
        types = @(Get-TypeUse -Tree $tree | Select-Object -Unique)
        functions = $functions
        parameters = @(Get-Parameter -Block $tree.ParamBlock)
    }
}
$aliases = @(Get-Alias | ForEach-Object { $_.Name })
$verbs = @(Get-Verb | ForEach-Object { $_.Verb })
[System.Console]::Out.WriteLine((ConvertTo-Json -InputObject @{ files = @($answer); aliases = $aliases; verbs = $verbs } -Depth 8 -Compress))
