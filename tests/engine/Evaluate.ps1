# Reads one request a line (base64 of UTF-8 JSON) and answers with one line (base64 of UTF-8 JSON), until stdin ends.
# {"expression": TEXT}   -> ANSWER
# {"configuration": TEXT} -> {"CONFIGURATION": {"NODE": {"RESOURCE ID": {"PROPERTY": ANSWER}}}}
# ANSWER: {"value": base64 of the UTF-16LE text of a scalar, "type": its .NET type}, {"array": [ANSWER, ...]},
#         {"hashtable": [[ANSWER, ANSWER], ...]}, {"variable": NAME}, or {"class": NAME, "properties": {"PROPERTY": ANSWER}}
$ErrorActionPreference = 'Stop'
Set-StrictMode -Version Latest

function ConvertTo-Answer {
    param($Value)
    if ($Value -is [array]) {
        @{ array = @(foreach ($item in $Value) { ConvertTo-Answer $item }) }
    } elseif ($Value -is [System.Collections.IDictionary]) {
        @{ hashtable = @(foreach ($key in $Value.Keys) { , @((ConvertTo-Answer $key), (ConvertTo-Answer $Value[$key])) }) }
    } else {
        $text = if ($Value -is [datetime]) { $Value.ToString('o') } elseif ($Value -is [timespan]) { $Value.ToString('c') }
        elseif ($Value -is [double]) { $Value.ToString('R', [cultureinfo]::InvariantCulture) }
        else { [string]$Value }
        $type = if ($null -eq $Value) { 'null' } else { $Value.GetType().FullName }
        @{ type = $type; value = [Convert]::ToBase64String([Text.Encoding]::Unicode.GetBytes($text)) }
    }
}

function Get-Answer {
    param([string] $Expression)
    # The comma keeps an array from being taken apart on its way out.
    ConvertTo-Answer (& ([scriptblock]::Create(", ($Expression)")))
}

# In a configuration a keyword's block may begin on the next line; to this parser it is a statement of its own.
function Read-Block {
    param($ScriptBlock)
    $answer = [ordered]@{}
    $name = $null
    foreach ($statement in $ScriptBlock.EndBlock.Statements) {
        $element = $statement.PipelineElements[0]
        if ($element -is [System.Management.Automation.Language.CommandExpressionAst]) {
            $answer[$name] = Read-Block $element.Expression.ScriptBlock
            continue
        }
        $words = $element.CommandElements
        if ($words.Count -ge 3 -and $words[1].Extent.Text -eq '=') {
            $answer[$words[0].Extent.Text.TrimStart('_')] = if ($words.Count -eq 4) { Read-Instance $words[2] $words[3] } else { Read-Value $words[2] }
        } elseif ($element.GetCommandName() -ne 'Import-DscResource') {
            $texts = @($words | ForEach-Object { $_.SafeGetValue() })
            $name = if ($texts[0] -eq 'Node') { $texts[1] } elseif ($texts.Count -eq 2) { '[{0}]{1}' -f $texts } else { $texts[0] }
        }
    }
    $answer
}

function Read-Instance {
    param($Class, $Block)
    @{ class = $Class.Extent.Text; properties = Read-Block $Block.ScriptBlock }
}

function Read-Value {
    param($Value)
    if ($Value -is [System.Management.Automation.Language.VariableExpressionAst] -and
        $Value.VariablePath.UserPath -notin 'true', 'false') {
        @{ variable = $Value.VariablePath.UserPath }
    } elseif ($Value -is [System.Management.Automation.Language.ArrayExpressionAst]) {
        @{ array = @($Value.SubExpression.Statements | ForEach-Object { Read-Element $_.PipelineElements[0] }) }
    } else {
        Get-Answer $Value.Extent.Text
    }
}

function Read-Element {
    param($Element)
    if ($Element -is [System.Management.Automation.Language.CommandAst]) {
        Read-Instance $Element.CommandElements[0] $Element.CommandElements[1]
    } elseif ($Element.Expression -is [System.Management.Automation.Language.ArrayLiteralAst]) {
        $Element.Expression.Elements | ForEach-Object { Read-Value $_ }
    } else { Read-Value $Element.Expression }
}

function Read-Configuration {
    param([string] $Text)
    # The keyword needs a schema store that is not here; a function of the same length parses to the same tree.
    $Text = $Text -creplace '(?m)^Configuration', 'function     '
    $Text = $Text -creplace '(?m)^\[DSCLocalConfigurationManager\(\)\]', ''
    # In a block of a configuration a property may be called like a keyword of the language.
    $Text = $Text -replace '(?m)^( +)(switch)( *= )', '$1_$2$3'
    $tokens = $errors = $null
    $tree = [System.Management.Automation.Language.Parser]::ParseInput($Text, [ref]$tokens, [ref]$errors)
    if ($errors) { throw "$($errors[0])" }
    $answer = [ordered]@{}
    $isFunction = { $args[0] -is [System.Management.Automation.Language.FunctionDefinitionAst] }
    foreach ($function in $tree.FindAll($isFunction, $false)) {
        $answer[$function.Name] = Read-Block $function.Body
    }
    $answer
}

while ($null -ne ($line = [Console]::In.ReadLine())) {
    $request = [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($line)) | ConvertFrom-Json
    $answer = try {
        if ($request.PSObject.Properties['expression']) {
            Get-Answer $request.expression
        } else { Read-Configuration $request.configuration }
    } catch { @{ error = "$_" } }
    $json = $answer | ConvertTo-Json -Depth 50 -Compress
    [Console]::Out.WriteLine([Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes($json)))
    [Console]::Out.Flush()
}
