# Reads what classes and enums PowerShell files declare, and writes it to stdout as one line of JSON in base64.
# The files are parsed, nothing in them runs: statements that would load other modules are blanked before.
param([Parameter(Mandatory, ValueFromRemainingArguments)] [string[]] $Path)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
# What a file imports while it is parsed is looked for here only.
$env:PSModulePath = Join-Path $PSHOME 'Modules'

function Read-Source([string] $File) {
    # Without the lines that make the parser load something; line numbers stay.
    $text = [System.IO.File]::ReadAllText($File)
    $loading = '(?im)^[ \t]*(using[ \t]+(module|assembly)\b|Import-DscResource\b|#[ \t]*requires\b)[^\r\n]*'
    [regex]::Replace($text, $loading, '')
}

function Find-UsedFile([string] $File) {
    # The files that "using module <path>" names, relative to $File; a module in a folder is the .psm1 of its name.
    $text = [System.IO.File]::ReadAllText($File)
    foreach ($match in [regex]::Matches($text, '(?im)^[ \t]*using[ \t]+module[ \t]+["'']?([^"''\r\n#;]+)')) {
        $name = $match.Groups[1].Value.Trim().Replace('\', '/')
        if (-not $name.Contains('/') -and $name -notmatch '\.psm?1$') { continue }
        $used = [System.IO.Path]::GetFullPath([System.IO.Path]::Combine([System.IO.Path]::GetDirectoryName($File), $name))
        if ([System.IO.Directory]::Exists($used)) {
            $used = [System.IO.Path]::Combine($used, [System.IO.Path]::GetFileName($used) + '.psm1')
        }
        $used = $used -replace '\.psd1$', '.psm1'
        if ([System.IO.File]::Exists($used)) { $used }
    }
}

function Get-TypeFact($TypeName) {
    # Name as written, full name when .NET knows it, whether it is an array, and the names of a .NET enum.
    $isArray = $false
    if ($TypeName -is [System.Management.Automation.Language.ArrayTypeName]) {
        $isArray = $true
        $TypeName = $TypeName.ElementType
    }
    if ($TypeName -is [System.Management.Automation.Language.GenericTypeName] -and
        $TypeName.TypeName.FullName -in 'Nullable', 'System.Nullable' -and $TypeName.GenericArguments.Count -eq 1) {
        $TypeName = $TypeName.GenericArguments[0]
    }
    $type = $null
    if (-not $TypeName.AssemblyName) { $type = $TypeName.GetReflectionType() }
    [ordered]@{
        name = $TypeName.FullName
        fullName = if ($type) { $type.FullName } else { '' }
        isArray = $isArray
        values = @(if ($type -and $type.IsEnum) { [enum]::GetNames($type) })
    }
}

function Test-Attribute($Ast, [string] $Name) {
    $Ast -is [System.Management.Automation.Language.AttributeAst] -and $Ast.TypeName.Name -in $Name, ($Name + 'Attribute')
}

function Test-Argument($Attribute, [string] $Name) {
    # [DscProperty(Key)] and [DscProperty(Key = $true)], but not $false.
    foreach ($argument in $Attribute.NamedArguments) {
        if ($argument.ArgumentName -eq $Name) {
            return $argument.ExpressionOmitted -or $argument.Argument.Extent.Text -ne '$false'
        }
    }
    $false
}

function Get-PropertyFact($Member) {
    $attribute = $Member.Attributes | Where-Object { Test-Attribute $_ DscProperty } | Select-Object -First 1
    if ($Member.IsStatic -or -not $attribute) { return }
    $set = $Member.Attributes | Where-Object { Test-Attribute $_ ValidateSet } | Select-Object -First 1
    [ordered]@{
        name = $Member.Name
        line = $Member.Extent.StartLineNumber
        type = if ($Member.PropertyType) { Get-TypeFact $Member.PropertyType.TypeName } else { $null }
        key = Test-Argument $attribute Key
        mandatory = Test-Argument $attribute Mandatory
        notConfigurable = Test-Argument $attribute NotConfigurable
        validateSet = @(if ($set) {
            $set.PositionalArguments | Where-Object { $_ -is [System.Management.Automation.Language.ConstantExpressionAst] } |
                ForEach-Object { [string] $_.Value }
        })
    }
}

function Get-ClassFact($Definition) {
    [ordered]@{
        name = $Definition.Name
        line = $Definition.Extent.StartLineNumber
        kind = if ($Definition.IsEnum) { 'enum' } elseif ($Definition.IsClass) { 'class' } else { 'interface' }
        isResource = [bool] ($Definition.Attributes | Where-Object { Test-Attribute $_ DscResource })
        bases = @($Definition.BaseTypes | ForEach-Object { $_.TypeName.FullName })
        values = @(if ($Definition.IsEnum) { $Definition.Members | ForEach-Object { $_.Name } })
        properties = @(if ($Definition.IsClass) {
            $Definition.Members | Where-Object { $_ -is [System.Management.Automation.Language.PropertyMemberAst] } |
                ForEach-Object { Get-PropertyFact $_ }
        })
    }
}

function Get-FileFact([string] $File) {
    $tokens = $errors = $null
    $ast = [System.Management.Automation.Language.Parser]::ParseInput((Read-Source $File), [ref] $tokens, [ref] $errors)
    $isDefinition = { $args[0] -is [System.Management.Automation.Language.TypeDefinitionAst] }
    [ordered]@{
        file = $File
        classes = @($ast.FindAll($isDefinition, $false) | ForEach-Object { Get-ClassFact $_ })
        # What the parser cannot resolve is no fault: types of other modules are not loaded.
        errors = @($errors | Where-Object { $_.IncompleteInput -or $_.ErrorId -match '^(Missing|Unexpected|Expected)' } |
            ForEach-Object { [ordered]@{ line = $_.Extent.StartLineNumber; text = $_.Message } })
    }
}

$found = [ordered]@{}
$waiting = [System.Collections.Generic.Queue[string]]::new($Path)
while ($waiting.Count) {
    $file = $waiting.Dequeue()
    if ($found.Contains($file)) { continue }
    $found[$file] = Get-FileFact $file
    foreach ($used in Find-UsedFile $file) { $waiting.Enqueue($used) }
}
$json = ConvertTo-Json -InputObject @($found.Values) -Depth 10 -Compress
[Console]::Out.WriteLine([Convert]::ToBase64String([System.Text.Encoding]::UTF8.GetBytes($json)))
