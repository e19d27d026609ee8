param([string] $Name, [string] $Sha256, [string] $JobId)

$staged = Get-Staged -Name $Name -Sha256 $Sha256
if ($staged['Refusal']) { return $staged['Refusal'] }
$meta = (Invoke-Lcm -Method 'GetMetaConfiguration').MetaConfiguration
$detail = [string] (Get-Value $meta 'LCMStateDetail')
switch ([string] (Get-Value $meta 'LCMState')) {
    'Busy' { return Get-Refusal 'LcmBusy' $detail }
    'PendingReboot' { return Get-Refusal 'PendingReboot' $detail }
}
$order = @{ ConfigurationData = Get-LcmData -Byte $staged['Byte']; force = $true; jobId = $JobId }
[void] (Invoke-Lcm -Method 'SendConfigurationApplyAsync' -Argument $order)
ConvertTo-Json -InputObject ([ordered]@{ version = 1; started = $true }) -Compress
