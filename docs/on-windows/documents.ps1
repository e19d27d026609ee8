# A compiled document, its sealed passwords, the schemas of the inbox resources, and what Windows would log. Dot-sourced by on-windows.ps1.

function Test-MofRead {
    if (-not $Mof) { return Get-NotPossible -Why 'give -Mof, a MOF that mimc compiled' }
    $cache = 'Microsoft.PowerShell.DesiredStateConfiguration.Internal.DscClassCache' -as [type]
    if (-not $cache) { return Get-NotPossible -Why 'this engine has no DscClassCache' }
    $file = Get-Item -LiteralPath $Mof
    $text = [System.IO.File]::ReadAllText($file.FullName)
    # 4: without the classes of the resources, so that only the text is judged. What stands inside another has no line of its own.
    $found = @($cache::ImportInstances($file.FullName, 4))
    $written = [regex]::Matches($text, '(?m)^instance of \w+').Count
    $classes = @($found | ForEach-Object { $_.CimSystemProperties.ClassName } | Select-Object -Unique)
    Get-Finding -Seen "$($found.Count) of $written instances at the top; $($classes -join ', ')" -Fact ([ordered]@{
            'Windows'' own parser takes it' = $found.Count -gt 0; 'the document itself is found' = $classes -contains 'OMI_ConfigurationDocument'
        })
}

function Test-SealedPassword {
    if (-not $Mof) { return Get-NotPossible -Why 'give -Mof, a MOF that mimc compiled for this node' }
    $text = [System.IO.File]::ReadAllText((Get-Item -LiteralPath $Mof).FullName)
    $sealed = [regex]::Matches($text, '(?s)-----BEGIN CMS-----(.+?)-----END CMS-----')
    if (-not $sealed.Count) { return Get-NotPossible -Why 'that MOF holds no sealed password' }
    Add-Type -AssemblyName System.Security
    $keys = New-Object System.Security.Cryptography.X509Certificates.X509Certificate2Collection
    $store = New-Object System.Security.Cryptography.X509Certificates.X509Store('My', 'LocalMachine')
    $store.Open('ReadOnly')
    foreach ($item in @($store.Certificates | Where-Object { $_.HasPrivateKey })) { [void] $keys.Add($item) }
    $store.Close()
    $messages = @(foreach ($item in $sealed) {
        $cms = New-Object System.Security.Cryptography.Pkcs.EnvelopedCms
        $cms.Decode([System.Convert]::FromBase64String(($item.Groups[1].Value -replace '\\[rn]|\s')))
        $cms
    })
    $strange = @($messages | Where-Object { $serial = $_.RecipientInfos[0].RecipientIdentifier.Value.SerialNumber; -not @($keys | Where-Object { $_.SerialNumber -eq $serial }) })
    if ($strange) { return Get-NotPossible -Why 'LocalMachine\My has no certificate with a private key that its passwords were sealed for' }
    $opened = 0
    $seen = foreach ($message in $messages) {
        $recipient = $message.RecipientInfos[0]
        "$($recipient.RecipientIdentifier.Type), $($message.ContentEncryptionAlgorithm.Oid.Value) by $($recipient.KeyEncryptionAlgorithm.Oid.Value)"
        try {
            $message.Decrypt($keys)
            $opened++
            # The password is never made a string.
            [System.Array]::Clear($message.ContentInfo.Content, 0, $message.ContentInfo.Content.Length)
        } catch { $_.Exception.GetBaseException().GetType().Name }
    }
    Get-Finding -Seen (@($seen | Select-Object -Unique) -join '; ') -Fact ([ordered]@{ "Windows opens all $($sealed.Count) sealed passwords" = $opened -eq $sealed.Count })
}

function Test-Certificate {
    $store = New-Object System.Security.Cryptography.X509Certificates.X509Store('My', 'LocalMachine')
    $store.Open('ReadOnly')
    $fit = @($store.Certificates | Where-Object { @($_.Extensions | Where-Object { $_.Oid.Value -eq '2.5.29.37' -and @($_.EnhancedKeyUsages | ForEach-Object { $_.Value }) -contains '1.3.6.1.4.1.311.80.1' }) })
    $store.Close()
    if (-not $fit) { return Get-NotPossible -Why 'no certificate for document encryption in LocalMachine\My: README, "A real node", says how to make one' }
    $seen = foreach ($item in $fit) { "private key $($item.HasPrivateKey), $($item.SignatureAlgorithm.FriendlyName), until $($item.NotAfter.ToUniversalTime().ToString('yyyy-MM-dd'))" }
    Get-Finding -Seen ($seen -join '; ') -Fact ([ordered]@{ 'one has its private key' = @($fit | Where-Object { $_.HasPrivateKey }).Count -gt 0 })
}

function Test-LogPolicy {
    $installer = Get-RegistryMap -Path 'SOFTWARE\Policies\Microsoft\Windows\Installer'
    $debug = 0
    if ($installer -and $installer['Debug']) { $debug = [int] $installer['Debug'] }
    $others = foreach ($name in 'ScriptBlockLogging', 'ModuleLogging', 'Transcription') {
        if (Get-RegistryMap -Path "SOFTWARE\Policies\Microsoft\Windows\PowerShell\$name") { $name }
    }
    Get-Finding -Seen "installer Debug $debug; PowerShell policies: $(@($others) -join ', ')" -Fact ([ordered]@{ 'no policy makes setup log its command line (Debug 4)' = -not ($debug -band 4) })
}

function Get-Schema {
    # The classes of a schema MOF: name, to property, to kind and type.
    param([string] $Text)
    # Whatever stands in quotes goes first, but for the class of an embedded instance.
    $Text = $Text -replace 'EmbeddedInstance\s*\(\s*"(\w+)"\s*\)', 'EmbeddedInstance $1' -replace '"(?:[^"\\]|\\.)*"', '""' -replace '(?m)//.*$' -replace '(?s)/\*.*?\*/'
    $classes = @{}
    foreach ($class in [regex]::Matches($Text, '(?is)class\s+(\w+)\s*(?::\s*\w+)?\s*\{(.*?)\}\s*;')) {
        $properties = @{}
        foreach ($item in [regex]::Matches($class.Groups[2].Value, '(?is)\[([^\]]*)\]\s*(\w+)\s+(\w+)\s*(\[\s*\d*\s*\])?\s*;')) {
            $kind = [regex]::Match($item.Groups[1].Value, '(?i)\b(Key|Required|Write|Read)\b').Value
            $type = $item.Groups[2].Value.ToLowerInvariant()
            if ($item.Groups[1].Value -match 'EmbeddedInstance (\w+)') { $type = $Matches[1] }
            if ($item.Groups[4].Success) { $type += '[]' }
            $properties[$item.Groups[3].Value] = "$kind $type"
        }
        $classes[$class.Groups[1].Value] = $properties
    }
    $classes
}

function Test-InboxSchema {
    if (-not (Test-Path -LiteralPath $inboxSchema)) { return Get-NotPossible -Why 'resources/inbox.schema.mof is not there: run it in a checkout' }
    $ours = Get-Schema -Text ([System.IO.File]::ReadAllText((Get-Item -LiteralPath $inboxSchema).FullName))
    $theirs = @{}
    foreach ($folder in "$env:SystemRoot\System32\WindowsPowerShell\v1.0\Modules\PSDesiredStateConfiguration", "$env:SystemRoot\System32\Configuration") {
        foreach ($file in @(Get-ChildItem -LiteralPath $folder -Recurse -File -ErrorAction SilentlyContinue | Where-Object { $_.Name -like '*.schema.mof' })) {
            $found = Get-Schema -Text ([System.IO.File]::ReadAllText($file.FullName))
            foreach ($name in $found.Keys) { if ($found[$name].Count) { $theirs[$name] = $found[$name] } }
        }
    }
    if (-not $theirs.Count) { return Get-NotPossible -Why 'no schema of an inbox resource can be read here: run it elevated' }
    $different = foreach ($class in @($ours.Keys | Sort-Object)) {
        if (-not $theirs.ContainsKey($class)) { "${class}: no schema here"; continue }
        foreach ($name in @($ours[$class].Keys)) { if ($ours[$class][$name] -ne $theirs[$class][$name]) { "$class.${name}: ours $($ours[$class][$name]), here $($theirs[$class][$name])" } }
        foreach ($name in @($theirs[$class].Keys)) { if (-not $ours[$class].ContainsKey($name)) { "$class.${name}: only here, $($theirs[$class][$name])" } }
    }
    Get-Finding -Seen "$($ours.Count) classes of ours. $(@($different) -join '; ')" -Fact ([ordered]@{ 'names, kinds and types are the same' = -not $different })
}
