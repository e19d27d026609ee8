# What the scripts of this folder share. A script is sent with those functions that it calls, and with no others.
# Of the module's regions Read it may call every function as well.

function Get-Refusal {
    # An expected refusal: an answer, no error.
    param([string] $Code, [string] $Message)
    ConvertTo-Json -InputObject ([ordered]@{ version = 1; refused = [ordered]@{ code = $Code; message = $Message } }) -Compress
}

function Get-Value {
    # A property that another LCM version may not have.
    param([object] $Instance, [string] $Name)
    if ($null -eq $Instance) { return }
    $property = $Instance.PSObject.Properties[$Name]
    if ($property) { $property.Value }
}

function Get-Element {
    # The members of an array property, none when it is missing or null.
    param([object] $Instance, [string] $Name)
    Get-Value $Instance $Name | Where-Object { $null -ne $_ }
}

function Invoke-Lcm {
    # Without a computer name: local DCOM, so no second hop and no limit on the size (the DSC cmdlets have both).
    param([string] $Method, [hashtable] $Argument = @{})
    $lcm = @{ Namespace = 'root/Microsoft/Windows/DesiredStateConfiguration'; ClassName = 'MSFT_DSCLocalConfigurationManager' }
    Invoke-CimMethod @lcm -MethodName $Method -Arguments $Argument
}

function Get-Lcm {
    # The LCM as docs/contract.md has it. Settings are what a meta document can put back; what has no value is left out.
    $meta = (Invoke-Lcm -Method 'GetMetaConfiguration').MetaConfiguration
    $settings = [ordered]@{}
    foreach ($name in 'ActionAfterReboot', 'ConfigurationID', 'ConfigurationMode', 'RefreshMode', 'SignatureValidationPolicy') {
        $value = [string] (Get-Value $meta $name)
        if ($value) { $settings[$name] = $value }
    }
    foreach ($name in 'AllowModuleOverwrite', 'RebootNodeIfNeeded') {
        $value = Get-Value $meta $name
        if ($null -ne $value) { $settings[$name] = [bool] $value }
    }
    foreach ($name in 'ConfigurationModeFrequencyMins', 'MaximumDownloadSizeMB', 'RefreshFrequencyMins', 'StatusRetentionTimeInDays') {
        $value = Get-Value $meta $name
        if ($null -ne $value) { $settings[$name] = [long] $value }
    }
    $debug = [string[]] @(Get-Element $meta 'DebugMode')
    if ($debug.Count) { $settings['DebugMode'] = $debug }
    $lists = 'ConfigurationDownloadManagers', 'PartialConfigurations', 'ReportManagers', 'ResourceModuleManagers', 'SignatureValidations'
    [ordered]@{
        state = [string] (Get-Value $meta 'LCMState')
        detail = [string] (Get-Value $meta 'LCMStateDetail')
        certificateId = [string] (Get-Value $meta 'CertificateID')
        settings = $settings
        managers = [string[]] @($lists | Where-Object { @(Get-Element $meta $_).Count })
    }
}

function Get-LcmData {
    # A document as the LCM takes it: its length and four more, then its bytes.
    param([byte[]] $Byte)
    [byte[]] $data = [System.BitConverter]::GetBytes([uint32] ($Byte.Length + 4)) + $Byte
    , $data
}

function Get-Status {
    # The LCM's records of what it did, newest last; none is an error to it.
    param([bool] $All)
    try { $answer = Invoke-Lcm -Method 'GetConfigurationStatus' -Argument @{ All = $All } } catch { return }
    Get-Element $answer 'ConfigurationStatus' | Sort-Object -Property StartDate
}

function Get-DocumentPath {
    # Where the LCM keeps its Current or its Pending document, encrypted.
    param([string] $Stage)
    Join-Path -Path $env:SystemRoot -ChildPath "System32/Configuration/$Stage.mof"
}

function Get-ConfigurationName {
    # The documents themselves are encrypted; the record of what was done with one has its name.
    param([object] $Status)
    if ([string] (Get-Value $Status 'MetaData') -match '(?:^|;)\s*Name:\s*([^;]+)') { return $Matches[1].Trim() }
    foreach ($list in 'ResourcesInDesiredState', 'ResourcesNotInDesiredState') {
        foreach ($resource in @(Get-Element $Status $list)) {
            $name = Get-Value $resource 'ConfigurationName'
            if ($name) { return [string] $name }
        }
    }
    ''
}

function Get-Document {
    # The names of the current and the pending document, null where there is none.
    $documents = [ordered]@{ current = $null; pending = $null }
    # What withdraw.ps1 wrote of documents that were to stay: the LCM's own records go after some days.
    $kept = Get-RegistryMap -Path 'SOFTWARE\mimc\Document'
    foreach ($stage in 'Current', 'Pending') {
        $path = Get-DocumentPath -Stage $stage
        if (-not (Test-Path -LiteralPath $path)) { continue }
        # Setting a value under another spelling would change the key's.
        $key = $stage.ToLowerInvariant()
        $documents[$key] = ''
        if (-not $kept -or -not $kept[$stage]) { continue }
        # The LCM may have it open just now.
        try { $fact = Get-FileFact -Path $path } catch { $fact = $null }
        if ($fact -and $fact['Sha256'] -eq $kept[$stage]) { $documents[$key] = [string] $kept['Name'] }
    }
    if ($documents['current'] -ne '' -and $documents['pending'] -ne '') { return $documents }
    $records = @(Get-Status -All $true | Where-Object { (Get-Value $_ 'Type') -ne 'LocalConfigurationManager' })
    if (-not $records) { return $documents }
    $hasPending = $null -ne $documents['pending']
    if ($documents['pending'] -eq '') { $documents['pending'] = Get-ConfigurationName -Status $records[-1] }
    if ($documents['current'] -eq '') {
        # A pending document that failed is the newest record; the current one is what last succeeded.
        $good = @($records | Where-Object { -not $hasPending -or (Get-Value $_ 'Status') -eq 'Success' })
        if ($good) { $documents['current'] = Get-ConfigurationName -Status $good[-1] }
    }
    $documents
}

function Get-Sha256 {
    param([byte[]] $Byte)
    $sha = [System.Security.Cryptography.SHA256]::Create()
    [System.BitConverter]::ToString($sha.ComputeHash($Byte)).Replace('-', '').ToLowerInvariant()
}

function Get-ModuleFolder {
    # Where PowerShell looks for a version of a module, whoever runs it.
    param([string] $Name, [string] $Version)
    if ($Name -cnotmatch '\A[A-Za-z0-9]+\z' -or $Version -notmatch '\A[0-9.]+\z') { throw 'not the name and version of a module' }
    "$env:ProgramFiles/WindowsPowerShell/Modules/$Name/$Version"
}

function Get-ModuleSha256 {
    # Over all files of a module folder, as docs/contract.md says; '' when there is no such folder.
    param([string] $Folder)
    if (-not [System.IO.Directory]::Exists($Folder)) { return '' }
    $root = [System.IO.Path]::GetFullPath($Folder)
    $files = @{}
    foreach ($file in [System.IO.Directory]::GetFiles($root, '*', 'AllDirectories')) {
        $files[$file.Substring($root.Length + 1).Replace('\', '/')] = $file
    }
    [string[]] $paths = @($files.Keys)
    [System.Array]::Sort($paths, [System.StringComparer]::Ordinal)
    $lines = foreach ($path in $paths) { "$path $(Get-Sha256 -Byte ([System.IO.File]::ReadAllBytes($files[$path])))`n" }
    Get-Sha256 -Byte ([System.Text.Encoding]::UTF8.GetBytes(-join $lines))
}

function Assert-StageName {
    param([string] $Name)
    if ($Name -cnotmatch '\A[A-Za-z0-9][A-Za-z0-9._-]*\z') { throw "'$Name' is no name of a staged file" }
}

function Get-Staged {
    # The bytes of a staged file, or the refusal.
    param([string] $Name, [string] $Sha256)
    Assert-StageName -Name $Name
    $path = Join-Path -Path (Join-Path -Path $env:ProgramData -ChildPath 'mimc/stage') -ChildPath $Name
    if (-not [System.IO.File]::Exists($path)) { return @{ Refusal = Get-Refusal 'StageMissing' "the file $Name is not staged" } }
    $bytes = [System.IO.File]::ReadAllBytes($path)
    if ((Get-Sha256 -Byte $bytes) -ne $Sha256) { return @{ Refusal = Get-Refusal 'StageHash' "the staged file $Name has another SHA-256" } }
    @{ Byte = $bytes; Refusal = $null }
}
