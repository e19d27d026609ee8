# The process in which the lab's LCM calls a resource: one task on stdin, one result on stdout.
Set-StrictMode -Version Latest
Import-Module -Name "$PSScriptRoot/MimcLab.psm1" -Global
$task = Read-LabTask
$result = [ordered]@{ error = ''; set = $false; reboot = $false; properties = $null }
$parameter = @{}
foreach ($name in $task['values'].Keys) { $parameter[$name] = $task['values'][$name] }
foreach ($name in $task['credentials'].Keys) {
    $secret = New-Object System.Security.SecureString
    foreach ($character in $task['credentials'][$name]['password'].ToCharArray()) { $secret.AppendChar($character) }
    $parameter[$name] = New-Object System.Management.Automation.PSCredential($task['credentials'][$name]['user'], $secret)
}
$global:DSCMachineStatus = 0
$WarningPreference = 'SilentlyContinue'
try {
    Import-Module -Name $task['module'] -ErrorAction Stop
    if ($task['method'] -eq 'Get') { $result['properties'] = Get-TargetResource @parameter }
    elseif (-not (Test-TargetResource @parameter)) {
        $result['set'] = $true
        [void] (Set-TargetResource @parameter)
    }
} catch { $result['error'] = $_.Exception.Message }
$result['reboot'] = $global:DSCMachineStatus -eq 1
[System.Console]::Out.WriteLine('mimc:result ' + (ConvertTo-Json -InputObject $result -Depth 4 -Compress))
