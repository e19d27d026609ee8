# The reading functions of MimSyncDsc.Windows.psm1, each on something that every Windows has. Dot-sourced by on-windows.ps1.

function Test-SeamNode {
    $node = Get-NodeName
    Get-Finding -Fact ([ordered]@{
            'ComputerName is this computer''s' = $node['ComputerName'] -and $node['ComputerName'] -eq $env:COMPUTERNAME
            'Fqdn begins with it' = $node['Fqdn'] -like "$($node['ComputerName'])*"
        })
}

function Test-SeamRegistry {
    $map = Get-RegistryMap -Path 'SOFTWARE\Microsoft\Windows NT\CurrentVersion'
    Get-Finding -Fact ([ordered]@{
            'values come as a hashtable' = $map -is [hashtable] -and [string] $map['CurrentBuild'] -match '^\d+$'
            'subkeys come by name' = @(Get-RegistryChild -Path 'SOFTWARE\Microsoft') -contains 'Windows NT'
            'a key that is not there gives nothing' = $null -eq (Get-RegistryMap -Path "SOFTWARE\$nobody") -and $null -eq (Get-RegistryChild -Path "SOFTWARE\$nobody")
        })
}

function Test-SeamService {
    $status = Get-ServiceStatus -Name 'Winmgmt'
    Get-Finding -Seen "Winmgmt $status" -Fact ([ordered]@{
            'the state is a word' = $status -is [string] -and $status -in 'Running', 'Stopped', 'StartPending', 'StopPending', 'Paused'
            'a service that is not there gives nothing' = $null -eq (Get-ServiceStatus -Name $nobody)
        })
}

function Test-SeamAccount {
    $name = ConvertFrom-Sid -Sid $administrators
    Get-Finding -Seen "S-1-5-32-544 is $name" -Fact ([ordered]@{
            'a SID becomes a name' = $name -is [string] -and $name.Contains('\')
            'and the name that SID' = (ConvertTo-Sid -Name $name) -eq $administrators
            'a name that nobody has gives nothing' = $null -eq (ConvertTo-Sid -Name $nobody)
            'a SID that nobody has gives nothing' = $null -eq (ConvertFrom-Sid -Sid 'S-1-5-21-1-2-3-4711')
        })
}

function Test-SeamFile {
    $path = "$env:SystemRoot\System32\msi.dll"
    $fact = Get-FileFact -Path $path
    Get-Finding -Seen "$($fact['Length']) bytes" -Fact ([ordered]@{
            'length and SHA-256 of msi.dll' = $fact['Length'] -eq (Get-Item -LiteralPath $path -Force).Length -and $fact['Sha256'] -cmatch '^[0-9a-f]{64}$'
            'a file that is not there gives nothing' = $null -eq (Get-FileFact -Path "$env:SystemRoot\$nobody")
            'nor one in a folder that is not there' = $null -eq (Get-FileFact -Path "$env:SystemRoot\$nobody\x")
            'Test-File tells them apart' = (Test-File -Path $path) -and -not (Test-File -Path "$env:SystemRoot\$nobody")
            'Get-FileText of a missing file is empty' = (Get-FileText -Path "$env:SystemRoot\$nobody") -eq ''
        })
}

function Test-SeamIdentity {
    $network = Test-NetworkLogon
    $administrator = Test-Administrator
    Get-Finding -Seen "network logon $network, administrator $administrator" -Fact ([ordered]@{
            'the account has a SID' = (Get-CurrentSid) -match '^S-1-\d+-\d+'
            'the two questions have an answer' = $network -is [bool] -and $administrator -is [bool]
        })
}

function Test-SeamInstallerBusy {
    $busy = Test-InstallerBusy
    Get-Finding -Seen "busy $busy, the service msiserver is $(Get-ServiceStatus -Name 'msiserver')" -Fact ([ordered]@{
            'the mutex can be asked for' = $busy -is [bool]; 'the work folder is below ProgramData' = (Get-WorkFolder) -eq "$env:ProgramData\mimc"
        })
}

function Test-SeamSignature {
    $signature = Get-Signature -Path "$env:SystemRoot\System32\WindowsPowerShell\v1.0\powershell.exe"
    Get-Finding -Seen "$($signature['Status']), $($signature['Subject'])" -Fact ([ordered]@{
            'a file of Microsoft is Valid' = $signature['Status'] -ceq 'Valid'; 'and signed by O=Microsoft Corporation' = $signature['Subject'] -match '(^|, )O=Microsoft Corporation(,|$)'
        })
}

function Test-SeamSql {
    # Nothing listens on port 1: the failure is what is asked for.
    $watch = [System.Diagnostics.Stopwatch]::StartNew()
    $answer = Get-SqlRow -Server '127.0.0.1,1' -Database 'master' -Query 'SELECT 1 AS one'
    Get-Finding -Seen "number $($answer['Number']) after $($watch.ElapsedMilliseconds) ms" -Fact ([ordered]@{
            'the refusal has a number and a message' = $answer['Number'] -is [int] -and [bool] $answer['Message']
            'within half a minute' = $watch.Elapsed.TotalSeconds -lt 30
        })
}

function Test-SeamChild {
    # powershell.exe that repeats one line: the pipe that Set talks to its installing process through.
    $text = "[System.Console]::Out.WriteLine('mimc:echo ' + [System.Console]::In.ReadLine())"
    $child = Start-Child -FilePath "$env:SystemRoot\System32\WindowsPowerShell\v1.0\powershell.exe" -Argument "-NoProfile -NonInteractive -InputFormat None -Command `"$text`""
    $child['Input'].WriteLine('aGVsbG8=')
    $line = Read-ChildLine -Child $child -Prefix 'mimc:echo ' -TimeoutSeconds 60
    $child['Input'].Dispose()
    $code = Wait-Child -Child $child -TimeoutSeconds 60
    if ($null -eq $code) { Stop-Child -Child $child }
    Get-Finding -Seen "exit code $code" -Fact ([ordered]@{ 'the child reads its pipe itself' = $line -ceq 'aGVsbG8='; 'and ends with 0' = $code -eq 0 })
}
