param([string] $JobId)

function Get-JobRecord {
    # The record of the job, nothing while the LCM has none that is final.
    param([guid] $JobId)
    foreach ($all in $false, $true) {
        foreach ($record in @(Get-Status -All $all)) {
            $id = [guid]::Empty
            if (-not [guid]::TryParse([string] (Get-Value $record 'JobID'), [ref] $id) -or $id -ne $JobId) { continue }
            $status = [string] (Get-Value $record 'Status')
            if ($status -notin 'Success', 'Failure') { continue }
            $errors = @(Get-Value $record 'Error') + @(foreach ($resource in @(Get-Element $record 'ResourcesNotInDesiredState')) { Get-Value $resource 'Error' })
            return [ordered]@{
                status = $status
                rebootRequested = [bool] (Get-Value $record 'RebootRequested')
                error = @($errors | Where-Object { $_ } | ForEach-Object { [string] $_ } | Select-Object -Unique) -join "`n"
            }
        }
    }
}

$lcm = Get-Lcm
$job = $null
if ($lcm['state'] -ne 'Busy') {
    # Nothing is not $null: Windows PowerShell would write it as {}.
    $record = Get-JobRecord -JobId ([guid] $JobId)
    if ($record) { $job = $record }
}
ConvertTo-Json -InputObject ([ordered]@{ version = 1; lcm = $lcm; job = $job }) -Depth 6 -Compress
