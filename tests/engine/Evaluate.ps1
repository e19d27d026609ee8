# Reads one request a line (base64 of UTF-8 JSON) and answers with one line (base64 of UTF-8 JSON), until stdin ends.
# {"expression": TEXT}   -> {"value": base64 of the UTF-16LE text it evaluates to, "type": its .NET type}
# {"configuration": TEXT} -> {"CONFIGURATION": {"NODE": {"RESOURCE ID": {"PROPERTY": {"variable": NAME} or {"value": ..., "type": ...}}}}}
$ErrorActionPreference = 'Stop'
Set-StrictMode -Version Latest

function ConvertTo-Answer {
    param($Value)
    $type = if ($null -eq $Value) { 'null' } else { $Value.GetType().FullName }
    $text = if ($Value -is [array]) { @($Value | ForEach-Object { ConvertTo-Answer $_ }) }
    else { [Convert]::ToBase64String([Text.Encoding]::Unicode.GetBytes([string]$Value)) }
    @{ type = $type; value = $text }
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
        if ($words.Count -eq 3 -and $words[1].Extent.Text -eq '=') {
            $answer[$words[0].Extent.Text] = Read-Value $words[2]
        } elseif ($element.GetCommandName() -ne 'Import-DscResource') {
            $texts = @($words | ForEach-Object { $_.SafeGetValue() })
            $name = if ($texts[0] -eq 'Node') { $texts[1] } elseif ($texts.Count -eq 2) { '[{0}]{1}' -f $texts } else { $texts[0] }
        }
    }
    $answer
}

function Read-Value {
    param($Value)
    if ($Value -is [System.Management.Automation.Language.VariableExpressionAst] -and
        $Value.VariablePath.UserPath -notin 'true', 'false') {
        @{ variable = $Value.VariablePath.UserPath }
    } else {
        ConvertTo-Answer (& ([scriptblock]::Create($Value.Extent.Text)))
    }
}

function Read-Configuration {
    param([string] $Text)
    # The keyword needs a schema store that is not here; a function of the same length parses to the same tree.
    $Text = $Text -creplace '(?m)^Configuration', 'function     '
    $Text = $Text -creplace '(?m)^\[DSCLocalConfigurationManager\(\)\]', ''
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
            ConvertTo-Answer (& ([scriptblock]::Create($request.expression)))
        } else { Read-Configuration $request.configuration }
    } catch { @{ error = "$_" } }
    $json = $answer | ConvertTo-Json -Depth 10 -Compress
    [Console]::Out.WriteLine([Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes($json)))
    [Console]::Out.Flush()
}
