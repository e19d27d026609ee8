# Those functions of the seam that ask Windows one thing or tell it one: with commands and types that stand in for Windows'.
# What this shows is what they ask for and what they make of the answer; nothing about Windows.
Describe 'the seam, over a played Windows,' {
    BeforeAll {
        Set-StrictMode -Version Latest
        . (Join-Path -Path $PSScriptRoot -ChildPath 'StandIns.ps1')
        $copies = Get-CopyFolder -Otherwise $TestDrive
        Import-Module -Name "$copies/seam/plain.psm1" -Prefix 'Real'
        foreach ($name in 'accounts', 'identity', 'registry') { Import-Module -Name "$copies/seam/$name.psm1" -Prefix $name }
        $global:Asked = New-Object System.Collections.ArrayList
        function global:Set-NetFirewallRule { param([string] $Name, [string] $Enabled, [string] $ErrorAction) [void] $global:Asked.Add("set $Name $Enabled $ErrorAction") }
        function global:New-NetFirewallRule {
            param([string] $Name, [string] $DisplayName, [string] $Program, [string] $Service, [string] $LocalPort, [string] $Direction, [string] $Action, [string] $Protocol, [string] $Enabled, [string] $ErrorAction)
            [void] $global:Asked.Add("new $Name|$DisplayName|$Program|$Service|$LocalPort|$Direction|$Action|$Protocol|$Enabled|$ErrorAction")
        }
        function global:Remove-NetFirewallRule { param([string] $Name, [string] $ErrorAction) [void] $global:Asked.Add("remove $Name $ErrorAction") }
        function global:Start-Service { param([string] $Name, [string] $ErrorAction) [void] $global:Asked.Add("start $Name $ErrorAction") }
        function global:Stop-Service { param([string] $Name, [switch] $Force, [string] $ErrorAction) [void] $global:Asked.Add("stop $Name $Force $ErrorAction") }
        function global:Get-Service { param([string] $Name, [string] $ErrorAction) if ($Name -eq 'there') { [pscustomobject] @{ Status = [System.ConsoleColor]::Red } } elseif ($Name -eq 'starting') { [pscustomobject] @{ Status = 'StartPending' } } }
        function global:Get-AuthenticodeSignature {
            param([string] $LiteralPath)
            $signer = $null
            if ($LiteralPath -eq 'signed') { $signer = [pscustomobject] @{ Subject = 'CN=Somebody' } }
            [pscustomobject] @{ Status = [System.ConsoleColor]::Red; SignerCertificate = $signer }
        }
    }
    AfterAll {
        Remove-Command
        Remove-Item -Path Function:\Set-NetFirewallRule, Function:\New-NetFirewallRule, Function:\Remove-NetFirewallRule, Function:\Start-Service, Function:\Stop-Service, Function:\Get-Service, Function:\Get-AuthenticodeSignature
    }
    BeforeEach { $global:Asked.Clear() }
    It 'switches and removes a firewall rule by its name' {
        Set-RealFirewallRule -Name '{7A}' -Enabled $true
        Set-RealFirewallRule -Name '{7A}' -Enabled $false
        Remove-RealFirewallRule -Name '{7A}'
        $global:Asked | Should -BeExactly @('set {7A} True Stop', 'set {7A} False Stop', 'remove {7A} Stop')
    }
    It 'makes an inbound rule of a program, and of a service in it when there is one' {
        New-RealFirewallRule -Name 'n' -DisplayName 'd' -Program 'p.exe' -Port 'RPC'
        New-RealFirewallRule -Name 'n' -DisplayName 'd' -Program 'p.exe' -Service 's' -Port 'RPCEPMap'
        $global:Asked | Should -BeExactly @('new n|d|p.exe||RPC|Inbound|Allow|TCP|True|Stop', 'new n|d|p.exe|s|RPCEPMap|Inbound|Allow|TCP|True|Stop')
    }
    It 'starts and stops a service' {
        foreach ($running in $true, $false) { Set-RealServiceRunning -Name 's' -Running $running }
        $global:Asked | Should -BeExactly @('start s Stop', 'stop s True Stop')
    }
    It 'waits for a service that is starting, and no longer than that' {
        $global:Looks = 0
        function global:Start-Sleep { param([int] $Milliseconds) $global:Looks++ }
        try {
            Wait-RealServiceStart -Name 'there' -TimeoutSeconds 5 | Should -Be 'Red'
            $global:Looks | Should -Be 0
            Wait-RealServiceStart -Name 'starting' -TimeoutSeconds 5 | Should -Be 'StartPending'
            $global:Looks | Should -Be 5
        } finally { Remove-Item -Path Function:\Start-Sleep }
    }
    It 'gives a state and a verdict as text' {
        Get-RealServiceStatus -Name 'there' | Should -BeExactly 'Red'
        Get-RealServiceStatus -Name 'gone' | Should -BeNullOrEmpty
        (Get-RealSignature -Path 'signed').Values | Sort-Object | Should -BeExactly @('CN=Somebody', 'Red')
        (Get-RealSignature -Path 'other')['Subject'] | Should -BeExactly ''
    }
    It 'translates names and SIDs, and gives nothing for what does not resolve' {
        [MimcStandIns.Account]::Sids['contoso\x'] = 'S-1-5-21-7'
        ConvertTo-accountsSid -Name 'contoso\x' | Should -BeExactly 'S-1-5-21-7'
        ConvertFrom-accountsSid -Sid 'S-1-5-21-7' | Should -BeExactly 'contoso\x'
        ConvertTo-accountsSid -Name 'contoso\y' | Should -BeNullOrEmpty
        ConvertFrom-accountsSid -Sid 'S-1-5-21-8' | Should -BeNullOrEmpty
    }
    It 'knows who it is, whether an administrator, and whether over the network' {
        Get-identityCurrentSid | Should -BeExactly 'S-1-5-21-1-2-3-500'
        foreach ($value in $true, $false) {
            [MimcStandIns.Principal]::Administrator = $value
            Test-identityAdministrator | Should -BeExactly $value
        }
        [MimcStandIns.Principal]::Administrator = $true
        Test-identityNetworkLogon | Should -BeFalse
        [MimcStandIns.Identity]::Network = $true
        try { Test-identityNetworkLogon | Should -BeTrue } finally { [MimcStandIns.Identity]::Network = $false }
    }
    It 'gives the names of subkeys, none where there is no key' {
        [MimcStandIns.Registry]::Clear()
        Set-registryRegistryMap -Path 'SOFTWARE\A\B' -Value @{}
        Set-registryRegistryMap -Path 'SOFTWARE\A\C' -Value @{}
        Get-registryRegistryChild -Path 'SOFTWARE\A' | Should -BeExactly @('B', 'C')
        Get-registryRegistryChild -Path 'SOFTWARE\Z' | Should -BeNullOrEmpty
    }
    It 'takes Windows Installer for busy while somebody has its mutex' {
        Test-RealInstallerBusy | Should -BeFalse
        $mutex = New-Object System.Threading.Mutex($false, 'Global\_MSIExecute')
        try { Test-RealInstallerBusy | Should -BeTrue } finally { $mutex.Dispose() }
        Test-RealInstallerBusy | Should -BeFalse
    }
    It 'says the names of the machine, and where our folder is' {
        $before = $env:COMPUTERNAME, $env:ProgramData
        try {
            $env:COMPUTERNAME, $env:ProgramData = 'CORPSYNC', 'C:\ProgramData'
            $node = Get-RealNodeName
            $node['ComputerName'] | Should -BeExactly 'CORPSYNC'
            $node['Fqdn'] | Should -Not -BeNullOrEmpty
            Get-RealWorkFolder | Should -BeExactly 'C:\ProgramData\mimc'
        } finally { $env:COMPUTERNAME, $env:ProgramData = $before }
    }
    It 'copies a folder and makes what it copied writable, copies a file over another, and removes both' {
        $from = "$TestDrive/from"
        $to = "$TestDrive/to"
        [void] [System.IO.Directory]::CreateDirectory("$from/below")
        [System.IO.File]::WriteAllText("$from/below/a.msi", 'a')
        (Get-Item -LiteralPath "$from/below/a.msi").IsReadOnly = $true
        Copy-RealFolder -Source $from -Destination $to
        Test-RealFile -Path "$to/below/a.msi" | Should -BeTrue
        (Get-Item -LiteralPath "$to/below/a.msi").IsReadOnly | Should -BeFalse
        [System.IO.File]::WriteAllText("$from/b", 'b')
        Copy-RealFile -Source "$from/b" -Destination "$to/below/a.msi"
        [System.IO.File]::ReadAllText("$to/below/a.msi") | Should -BeExactly 'b'
        foreach ($path in "$from/b", $to, "$to/never") { Remove-RealPath -Path $path }
        Test-RealFile -Path "$from/b" | Should -BeFalse
        [System.IO.Directory]::Exists($to) | Should -BeFalse
    }
    It 'starts Windows PowerShell for the installation, with nothing on its command line but the script' {
        # A file whose name has backslashes, which no Windows would have.
        $before = $env:SystemRoot
        $env:SystemRoot = "$TestDrive/Windows"
        try {
            $shell = "$env:SystemRoot\System32\WindowsPowerShell\v1.0\powershell.exe"
            [System.IO.File]::WriteAllText($shell, "#!/bin/sh`nfor a in `"`$@`"; do printf '%s|' `"`$a`"; done; echo`n")
            & /bin/chmod +x $shell
            $child = Start-RealInstallerChild
            Read-RealChildLine -Child $child -Prefix '' -TimeoutSeconds 30 | Should -BeExactly "-NoProfile|-NonInteractive|-InputFormat|None|-ExecutionPolicy|Bypass|-File|$copies/seam\MimSyncDsc.Installer.ps1|"
        } finally { $env:SystemRoot = $before }
    }
}
