# Whether this engine takes what mimc sends it: parser, commands, types, the module itself. Dot-sourced by on-windows.ps1.

function Test-EngineVersion {
    Get-Finding -Seen "$($PSVersionTable.PSVersion) $($PSVersionTable.PSEdition), CLR $([System.Environment]::Version)" -Fact ([ordered]@{
            'the version is 5.1' = $PSVersionTable.PSVersion.Minor -eq 1; '64-bit process' = [System.IntPtr]::Size -eq 8
        })
}

function Test-Parse {
    $files = @(Get-ChildItem -LiteralPath $Module -Recurse -File | Where-Object { $_.Extension -in '.ps1', '.psm1', '.psd1' })
    if (Test-Path -LiteralPath $Scripts) { $files += @(Get-ChildItem -LiteralPath $Scripts -Recurse -File | Where-Object { $_.Extension -eq '.ps1' }) }
    $found = foreach ($file in $files) {
        $tokens = $null
        $errors = $null
        [void] [System.Management.Automation.Language.Parser]::ParseFile($file.FullName, [ref] $tokens, [ref] $errors)
        foreach ($fault in $errors) { "$($file.Name):$($fault.Extent.StartLineNumber) $($fault.ErrorId)" }
    }
    Get-Finding -Seen "$($files.Count) files. $(@($found) -join '; ')" -Fact ([ordered]@{ 'every file parses' = -not $found; 'there are files' = $files.Count -gt 5 })
}

function Test-KnownCommand {
    if (-not (Test-Path -LiteralPath $CommandList)) { return Get-NotPossible -Why 'the list windows-powershell-5.1.json is not there: run it in a checkout, or give -CommandList' }
    $list = ConvertFrom-Json -InputObject ([System.IO.File]::ReadAllText((Get-Item -LiteralPath $CommandList).FullName))
    foreach ($assembly in 'System.Data', 'System.IO.Compression', 'System.Security') { Add-Type -AssemblyName $assembly }
    $missing = foreach ($item in $list.commands.PSObject.Properties) {
        $command = Get-Command -Name $item.Name -ErrorAction SilentlyContinue
        if (-not $command) { $item.Name; continue }
        foreach ($parameter in $item.Value) { if (-not $command.Parameters.ContainsKey($parameter)) { "$($item.Name) -$parameter" } }
    }
    # [ordered] is a word of the language.
    $types = @($list.types | Where-Object { $_ -ne 'ordered' -and -not ($_ -as [type]) })
    Get-Finding -Seen (@($missing; $types) -join ', ') -Fact ([ordered]@{ 'every command and parameter of the list' = -not $missing; 'every type of it' = -not $types })
}

function Test-ModuleImport {
    if ($importFault) { throw $importFault }
    $resource = Join-Path -Path $Module -ChildPath 'DSCResources/MSFT_MimSyncService/MSFT_MimSyncService'
    $manifest = Test-ModuleManifest -Path (Join-Path -Path $Module -ChildPath 'MimSyncDsc.psd1')
    $declared = @((Get-Schema -Text ([System.IO.File]::ReadAllText((Get-Item -LiteralPath "$resource.schema.mof").FullName)))['MSFT_MimSyncService'].GetEnumerator() |
            Where-Object { $_.Value -notlike 'Read*' } | ForEach-Object { $_.Key })
    $fact = [ordered]@{ 'the manifest is valid' = $manifest.Name -eq 'MimSyncDsc' }
    foreach ($verb in 'Get', 'Test', 'Set') {
        $command = Get-Command -Name "$verb-TargetResource" -ErrorAction SilentlyContinue
        $missing = @($declared | Where-Object { -not $command -or -not $command.Parameters.ContainsKey($_) })
        $fact["$verb-TargetResource has the $($declared.Count) properties of the schema"] = $declared -and -not $missing
    }
    Get-Finding -Fact $fact -Seen "version $($manifest.Version)"
}

function Test-ModuleDiscovery {
    $here = @(Get-Module -ListAvailable -Name 'MimSyncDsc')
    if (-not $here) { return Get-NotPossible -Why 'MimSyncDsc is not installed here: nothing was applied to this node' }
    $found = @(Get-DscResource -Name 'MimSyncService' -Module 'MimSyncDsc')
    Get-Finding -Seen "versions $(@($here | ForEach-Object { $_.Version }) -join ', ')" -Fact ([ordered]@{ 'Get-DscResource finds MimSyncService' = $found.Count -gt 0 })
}
