param([string[]] $Account = @(), [string] $KeyBackupPath = '')

$answer = [ordered]@{ version = 1; state = Get-MimState -Account $Account -KeyBackupPath $KeyBackupPath }
ConvertTo-Json -InputObject $answer -Depth 8 -Compress
