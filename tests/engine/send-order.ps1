# Lets the module's real Send-Order write what it is asked to, request by request, for tests/test_msiexec.py.
# A request is one line, Base64 of JSON: texts, the names and values of properties, the password of one more property
# (or null). Every text is Base64 of UTF-8 once more. The answer is Base64 of what was written, or ! and the error.
param([string] $Module)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
$utf8 = New-Object System.Text.UTF8Encoding($false, $true)
Import-Module -Name (Join-Path -Path $Module -ChildPath 'MimSyncDsc.Order.psm1')

function Get-Text {
    param([string] $Base64)
    $utf8.GetString([System.Convert]::FromBase64String($Base64))
}

while ($null -ne ($line = [System.Console]::In.ReadLine())) {
    $request = ConvertFrom-Json -InputObject (Get-Text -Base64 $line)
    $lines = @($request.texts | ForEach-Object { Get-Text -Base64 $_ })
    $property = [ordered]@{}
    for ($i = 0; $i -lt $request.names.Count; $i++) { $property[$request.names[$i]] = Get-Text -Base64 $request.values[$i] }
    $credential = $null
    if ($null -ne $request.password) {
        $secret = New-Object System.Security.SecureString
        foreach ($letter in (Get-Text -Base64 $request.password).ToCharArray()) { $secret.AppendChar($letter) }
        $credential = New-Object System.Management.Automation.PSCredential('CONTOSO\svc', $secret)
        $property['SERVICEPASSWORD'] = $credential
    }
    $writer = New-Object System.IO.StringWriter
    $writer.NewLine = "`n"
    try {
        Send-Order -Writer $writer -Line ($lines + @(, $property) + $credential)
        $answer = $writer.ToString()
    } catch { $answer = "!$($_.Exception.Message)" }
    [System.Console]::Out.WriteLine([System.Convert]::ToBase64String($utf8.GetBytes($answer)))
}
