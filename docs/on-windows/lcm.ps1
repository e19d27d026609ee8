# The Local Configuration Manager and WinRM, as far as they can be asked without sending anything. Dot-sourced by on-windows.ps1.

function Get-LcmType {
    # Names and types: of a class's properties, or of a method's parameters.
    param([object[]] $Member)
    $map = [ordered]@{}
    foreach ($item in $Member) { $map[$item.Name] = $item.CimType.ToString() }
    $map
}

function Test-LcmMethod {
    # What pusher/scripts call, with the types that they send.
    $used = @{
        GetMetaConfiguration = @{}; GetConfiguration = @{ configurationData = 'UInt8Array' }; GetConfigurationStatus = @{ All = 'Boolean' }
        SendMetaConfigurationApply = @{ ConfigurationData = 'UInt8Array'; force = 'Boolean' }
        SendConfigurationApplyAsync = @{ ConfigurationData = 'UInt8Array'; force = 'Boolean'; jobId = 'String' }
        RemoveConfiguration = @{ Stage = 'UInt32'; Force = 'Boolean' }
    }
    $class = Get-CimClass -Namespace $lcmNamespace -ClassName 'MSFT_DSCLocalConfigurationManager'
    $fact = [ordered]@{}
    $seen = foreach ($name in @($used.Keys | Sort-Object)) {
        $method = $class.CimClassMethods | Where-Object { $_.Name -eq $name } | Select-Object -First 1
        $have = [ordered]@{}
        if ($method) { $have = Get-LcmType -Member @($method.Parameters) }
        $wrong = @($used[$name].Keys | Where-Object { $have[$_] -ne $used[$name][$_] })
        $fact["$name takes what is sent"] = $method -and -not $wrong
        "$name($(@(foreach ($key in $have.Keys) { "$($have[$key]) $key" }) -join ', '))"
    }
    Get-Finding -Fact $fact -Seen (@($seen) -join '; ')
}

function Test-LcmSetting {
    $wanted = @(
        'ActionAfterReboot', 'ConfigurationID', 'ConfigurationMode', 'RefreshMode', 'SignatureValidationPolicy', 'AllowModuleOverwrite', 'RebootNodeIfNeeded'
        'ConfigurationModeFrequencyMins', 'MaximumDownloadSizeMB', 'RefreshFrequencyMins', 'StatusRetentionTimeInDays', 'DebugMode', 'CertificateID', 'LCMState', 'LCMStateDetail'
        'ConfigurationDownloadManagers', 'PartialConfigurations', 'ReportManagers', 'ResourceModuleManagers', 'SignatureValidations'
    )
    $class = Get-CimClass -Namespace $lcmNamespace -ClassName 'MSFT_DSCMetaConfiguration'
    $have = Get-LcmType -Member @($class.CimClassProperties)
    $missing = @($wanted | Where-Object { -not $have.Contains($_) })
    Get-Finding -Seen "not here: $($missing -join ', '); here: $(@($have.Keys) -join ', ')" -Fact ([ordered]@{ 'every setting that mimc reads or writes' = -not $missing })
}

function Test-LcmStatus {
    $class = Get-CimClass -Namespace $lcmNamespace -ClassName 'MSFT_DSCConfigurationStatus'
    $have = Get-LcmType -Member @($class.CimClassProperties)
    $wanted = 'JobID', 'Status', 'Type', 'StartDate', 'MetaData', 'RebootRequested', 'Error', 'ResourcesInDesiredState', 'ResourcesNotInDesiredState'
    $missing = @($wanted | Where-Object { -not $have.Contains($_) })
    $seen = @(foreach ($name in $have.Keys) { "$($have[$name]) $name" }) -join ', '
    # No record at all is an error to the LCM.
    try {
        $answer = Invoke-CimMethod -Namespace $lcmNamespace -ClassName 'MSFT_DSCLocalConfigurationManager' -MethodName 'GetConfigurationStatus' -Arguments @{ All = $true }
        $records = @($answer.ConfigurationStatus)
        $named = @($records | Where-Object { [string] $_.MetaData -match '(?:^|;)\s*Name:\s*([^;]+)' })
        $seen += "; $($records.Count) records, $($named.Count) with a configuration's name, status $(@($records | ForEach-Object { $_.Status } | Select-Object -Unique) -join ' ')"
    } catch { $seen += "; no records: $($_.FullyQualifiedErrorId)" }
    Get-Finding -Seen $seen -Fact ([ordered]@{ 'a record has what follow.ps1 reads' = -not $missing })
}

function Test-WinRm {
    if ((Get-ServiceStatus -Name 'WinRM') -ne 'Running') { return Get-NotPossible -Why 'the service WinRM is not running, and is not started for this' }
    $config = Get-WSManInstance -ResourceURI 'winrm/config'
    $listeners = @(Get-RegistryChild -Path 'SOFTWARE\Microsoft\Windows\CurrentVersion\WSMAN\Listener')
    $seen = "MaxEnvelopeSizekb $($config.MaxEnvelopeSizekb); listeners $($listeners -join ', ')"
    if (-not ($listeners -like '*+HTTPS')) { return Get-NotPossible -Why "no listener for HTTPS, which mimc needs. Seen: $seen" }
    Get-Finding -Seen $seen -Fact ([ordered]@{ 'an envelope may have 150 KB and more' = [int] $config.MaxEnvelopeSizekb -ge 150 })
}
