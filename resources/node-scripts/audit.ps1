param([byte[]] $Document, [string] $Thumbprint, [string] $ModuleVersion)

function Expand-Document {
    param([byte[]] $Packed)
    $source = New-Object System.IO.MemoryStream(, $Packed)
    $gzip = New-Object System.IO.Compression.GZipStream($source, [System.IO.Compression.CompressionMode]::Decompress)
    $plain = New-Object System.IO.MemoryStream
    $gzip.CopyTo($plain)
    $gzip.Dispose()
    , $plain.ToArray()
}

$meta = (Invoke-Lcm -Method 'GetMetaConfiguration').MetaConfiguration
if ([string] (Get-Value $meta 'CertificateID') -ne $Thumbprint) {
    return Get-Refusal 'NoCertificateId' 'the LCM is not set to the certificate that the auditor''s password was encrypted for'
}
$module = "$(Get-ModuleFolder -Name 'MimSyncDsc' -Version $ModuleVersion)/MimSyncDsc.psd1"
if (-not (Test-Path -LiteralPath $module)) { return Get-Refusal 'NoModule' "the node does not have the module MimSyncDsc $ModuleVersion" }
if ((Get-Value $meta 'LCMState') -eq 'Busy') { return Get-Refusal 'LcmBusy' ([string] (Get-Value $meta 'LCMStateDetail')) }
$data = Get-LcmData -Byte (Expand-Document -Packed $Document)
try { $answer = Invoke-Lcm -Method 'GetConfiguration' -Argument @{ configurationData = $data } }
catch { return Get-Refusal 'AuditFailed' $_.Exception.Message }
foreach ($instance in @(Get-Element $answer 'configurations')) {
    if ($instance.CimSystemProperties.ClassName -ne 'MSFT_MimSyncService') { continue }
    $state = [string] (Get-Value $instance 'State')
    # Already JSON: read.ps1 would write the same.
    if ($state) { return "{`"version`":1,`"state`":$state}" }
}
Get-Refusal 'AuditFailed' 'the LCM gave no state of a MimSyncService'
