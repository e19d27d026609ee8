# What Set does on nodes that differ from the walkthrough's: accounts in other forms, leftovers, results that are not as told.
Describe 'Set' {
    BeforeAll {
        Set-StrictMode -Version Latest
        . (Join-Path -Path $PSScriptRoot -ChildPath 'StandIns.ps1')
        . (Join-Path -Path $PSScriptRoot -ChildPath 'Wanted.ps1')
        $Policy = 'SOFTWARE\Policies\Microsoft\WindowsFirewall\FirewallRules'
    }
    AfterAll { Remove-Command }
    BeforeEach {
        $global:Windows = New-Windows
        $global:Windows.Files['\\corpfs\media\MIM\Synchronization Service.msi'] = 'msi'
        $global:DSCMachineStatus = 0
    }

    Context 'an account' {
        It '<Name> reaches setup as <Domain> and <User>' -ForEach @(
            @{ Name = 'contoso\MIMSync'; Domain = 'contoso'; User = 'MIMSync' }, @{ Name = 'sync@contoso.com'; Domain = 'contoso'; User = 'MIMSync' }
            @{ Name = '.\local'; Domain = 'CORPSYNC'; User = 'local' }, @{ Name = 'local'; Domain = 'CORPSYNC'; User = 'local' }
        ) {
            $global:Windows.Sids['sync@contoso.com'] = $global:Windows.Sids['contoso\MIMSync']
            foreach ($local in '.\local', 'local', 'CORPSYNC\local') { $global:Windows.Sids[$local] = 'S-1-5-21-9-9-9-1001' }
            $wanted = Get-Wanted -With @{ ServiceAccount = New-Credential -User $Name } -Without 'KeyBackupPath'
            Set-TargetResource @wanted
            $global:Windows.Order.Property['SERVICEDOMAIN'], $global:Windows.Order.Property['SERVICEACCOUNT'] | Should -BeExactly @($Domain, $User)
        }
        It 'that does not resolve is refused before anything is touched, as a principal name too' {
            $wanted = Get-Wanted -With @{ ServiceAccount = New-Credential -User 'nobody@contoso.com' }
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.Unresolved: *nobody@contoso.com*'
            Get-Changes | Should -HaveCount 0
        }
    }

    Context 'a group' {
        It 'of the node itself reaches setup by its bare name' {
            $global:Windows.Sids['CORPSYNC\Admins'] = 'S-1-5-21-9-9-9-1002'
            $global:Windows.Sids['BUILTIN\Users'] = 'S-1-5-32-545'
            $global:Windows.Sids['Admins'] = 'S-1-5-21-9-9-9-1002'
            $global:Windows.Sids['Users'] = 'S-1-5-32-545'
            $wanted = Get-Wanted -With @{ AdministratorsGroup = 'CORPSYNC\Admins'; BrowseGroup = 'BUILTIN\Users' }
            Set-TargetResource @wanted
            $global:Windows.Order.Property['GROUPADMINS'], $global:Windows.Order.Property['GROUPBROWSE'] | Should -BeExactly @('Admins', 'Users')
        }
    }

    Context 'a setup that says it succeeded' {
        It 'is not believed when the product is not there' {
            # A number that is zero, and not the one on which the stand-in installs.
            $global:Windows.ExitCode = '00'
            $wanted = Get-Wanted
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.Verify: *the product is not there*Return value 1*'
        }
        It 'has what differs afterwards named' {
            $global:Windows.Registry[$Policy] = @{ gpo = 'v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|App=C:\x\miiserver.exe|Name=sync|' }
            $wanted = Get-Wanted -With @{ EnableRpcFirewallRules = $false }
            { Set-TargetResource @wanted } | Should -Throw "MimSync.Verify: setup succeeded, but EnableRpcFirewallRules should be 'False'*"
        }
    }

    Context 'a setup log' {
        It 'with very long lines is told by its end' {
            $global:Windows.ExitCode = '1603'
            $global:Windows.SetupLog = "$('x' * 5000)`r`nAction ended 12:01:33: ConfigDB. Return value 3."
            $wanted = Get-Wanted
            $failure = ''
            try { Set-TargetResource @wanted } catch { $failure = "$_" }
            $failure | Should -BeLike 'MimSync.SetupFailed: *ConfigDB. Return value 3.'
            $failure.Length | Should -BeLessThan 2500
        }
    }

    Context 'an installed product' {
        BeforeEach { Install-Wanted }
        It 'is said not to be right when a policy holds against what was repaired' {
            $global:Windows.Registry[$Policy] = @{ gpo = 'v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|App=C:\x\miiserver.exe|Name=sync|' }
            $wanted = Get-Wanted -With @{ EnableRpcFirewallRules = $false }
            { Set-TargetResource @wanted } | Should -Throw "MimSync.Repair: *EnableRpcFirewallRules should be 'False' and is 'True'*"
        }
        It 'gets one rule when the one of the endpoint mapper is there' {
            $global:Windows.Registry[$global:FirewallRules] = @{
                'mimc-MimSync-RpcEndpointMapper' = 'v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=RPCEPMap|App=%SystemRoot%\System32\svchost.exe|Name=x|'
            }
            $wanted = Get-Wanted
            Set-TargetResource @wanted
            $made = @(Get-Changes | Where-Object { $_ -like 'New-FirewallRule *' })
            $made | Should -HaveCount 1
            $made[0] | Should -BeLike '*mimc-MimSync-RpcDynamic*'
        }
        It 'has no key exported without an account, or with one whose name has a quote' {
            $global:Windows.Files.Remove('C:\MIM\keys\miiskeys.bin')
            $wanted = Get-Wanted -Without 'ServiceAccount'
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.Key: *need ServiceAccount or ManagedServiceAccount*'
            $wanted = Get-Wanted -With @{ ServiceAccount = New-Credential -User 'contoso\MIM"Sync' }
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.Value: *double quote*'
            @($global:Windows.Calls | Where-Object { $_ -like 'Start-Child *' }) | Should -HaveCount 0
        }
        It 'has no key recorded that did not arrive whole' {
            $global:Windows.Registry.Remove('SOFTWARE\mimc\MimSyncDsc\KeyBackup')
            $global:Windows.Files.Remove('C:\MIM\keys\miiskeys.bin')
            $global:Windows.Torn = $true
            $wanted = Get-Wanted
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.Key: *does not hold what was exported*'
            $global:Windows.Registry.ContainsKey('SOFTWARE\mimc\MimSyncDsc\KeyBackup') | Should -BeFalse
        }
    }

    Context 'Test with Ensure Absent' {
        It 'is true without the product and false with it' {
            $wanted = Get-Wanted -With @{ Ensure = 'Absent' }
            Test-TargetResource @wanted | Should -BeTrue
            Install-Wanted
            Test-TargetResource @wanted | Should -BeFalse
        }
    }
}

Describe 'the script of the installing process' {
    BeforeAll {
        . (Join-Path -Path $PSScriptRoot -ChildPath 'StandIns.ps1')
        $copies = Get-CopyFolder -Otherwise $TestDrive
        function Get-Output {
            # What the script writes to the console, which nobody but its parent would see.
            param([string] $Path)
            $console = [System.Console]::Out
            $writer = New-Object System.IO.StringWriter
            [System.Console]::SetOut($writer)
            try { & $Path } finally { [System.Console]::SetOut($console) }
            $writer.ToString()
        }
    }
    AfterAll { Remove-Command }
    It 'hands over to the seam' {
        { Get-Output -Path "$copies/MimSyncDsc/MimSyncDsc.Installer.ps1" } | Should -Throw 'only on Windows'
    }
    It 'says what is wrong when the seam is not there' {
        Get-Output -Path "$copies/lone/MimSyncDsc.Installer.ps1" | Should -BeLike 'mimc:error *MimSyncDsc.Windows.psm1*'
    }
}
