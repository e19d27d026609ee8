param([string] $JobId)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

function Get-Value {
    # A property that another LCM version may not have.
    param([object] $Instance, [string] $Name)
    if ($null -eq $Instance) { return }
    $property = $Instance.PSObject.Properties[$Name]
    if ($property) { $property.Value }
}

function Invoke-Lcm {
    # Without a computer name: local DCOM, so no second hop and no limit on the size (the DSC cmdlets have both).
    param([string] $Method, [hashtable] $Argument = @{})
    $lcm = @{ Namespace = 'root/Microsoft/Windows/DesiredStateConfiguration'; ClassName = 'MSFT_DSCLocalConfigurationManager' }
    Invoke-CimMethod @lcm -MethodName $Method -Arguments $Argument
}

function Get-Lcm {
    $meta = (Invoke-Lcm -Method 'GetMetaConfiguration').MetaConfiguration
    $settings = [ordered]@{}
    foreach ($name in 'ConfigurationMode', 'RefreshMode', 'ActionAfterReboot') { $settings[$name] = [string] (Get-Value $meta $name) }
    $settings['RebootNodeIfNeeded'] = [bool] (Get-Value $meta 'RebootNodeIfNeeded')
    $settings['ConfigurationModeFrequencyMins'] = [int] (Get-Value $meta 'ConfigurationModeFrequencyMins')
    [ordered]@{
        state = [string] (Get-Value $meta 'LCMState')
        detail = [string] (Get-Value $meta 'LCMStateDetail')
        certificateId = [string] (Get-Value $meta 'CertificateID')
        settings = $settings
    }
}

function Get-Status {
    # The LCM's records of what it did, newest last; none is an error to it.
    param([bool] $All)
    try { $answer = Invoke-Lcm -Method 'GetConfigurationStatus' -Argument @{ All = $All } } catch { return }
    $status = Get-Value $answer 'ConfigurationStatus'
    if ($status) { $status | Sort-Object -Property StartDate }
}

function Get-JobRecord {
    # The record of the job, nothing while the LCM has none that is final.
    param([guid] $JobId)
    foreach ($all in $false, $true) {
        foreach ($record in @(Get-Status -All $all)) {
            $id = [guid]::Empty
            if (-not [guid]::TryParse([string] (Get-Value $record 'JobID'), [ref] $id) -or $id -ne $JobId) { continue }
            $status = [string] (Get-Value $record 'Status')
            if ($status -notin 'Success', 'Failure') { continue }
            $failed = @(foreach ($resource in @(Get-Value $record 'ResourcesNotInDesiredState')) { Get-Value $resource 'ResourceId' })
            $errors = @(Get-Value $record 'Error') + @(foreach ($resource in @(Get-Value $record 'ResourcesNotInDesiredState')) { Get-Value $resource 'Error' })
            return [ordered]@{
                status = $status
                rebootRequested = [bool] (Get-Value $record 'RebootRequested')
                error = @($errors | Where-Object { $_ } | ForEach-Object { [string] $_ } | Select-Object -Unique) -join "`n"
                notInDesiredState = [string[]] $failed
            }
        }
    }
}

$lcm = Get-Lcm
$job = $null
if ($lcm['state'] -ne 'Busy') { $job = Get-JobRecord -JobId ([guid] $JobId) }
ConvertTo-Json -InputObject ([ordered]@{ version = 1; lcm = $lcm; job = $job }) -Depth 6 -Compress
