param([string] $Name, [string] $Sha256)

$staged = Get-Staged -Name $Name -Sha256 $Sha256
if ($staged['Refusal']) { return $staged['Refusal'] }
$lcm = Get-Lcm
if ($lcm['state'] -eq 'Busy') { return Get-Refusal 'LcmBusy' $lcm['detail'] }
[void] (Invoke-Lcm -Method 'SendMetaConfigurationApply' -Argument @{ ConfigurationData = Get-LcmData -Byte $staged['Byte']; force = $true })
ConvertTo-Json -InputObject ([ordered]@{ version = 1; lcm = Get-Lcm }) -Depth 6 -Compress
