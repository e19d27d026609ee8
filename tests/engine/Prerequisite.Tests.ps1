# What is checked before the installer starts, executed: Set with only the seam replaced (Windows.psm1).
Describe 'before the installer starts' {
    BeforeAll {
        Set-StrictMode -Version Latest
        . (Join-Path -Path $PSScriptRoot -ChildPath 'StandIns.ps1')
        . (Join-Path -Path $PSScriptRoot -ChildPath 'Wanted.ps1')

        $SqlClient = 'SOFTWARE\Classes\SQLNCLI11'
        $Below = 'Microsoft\Windows\CurrentVersion\Uninstall'
        $VisualCpp = "SOFTWARE\WOW6432Node\$Below\{042d26ef-3dbe-4c25-95d3-4c1b11b235a7}"
        $DotNet = 'SOFTWARE\Microsoft\NET Framework Setup\NDP\v4\Full'
        $Sid = 'S-1-5-21-1-2-3-1100'

        function Invoke-Set {
            # What Set threw, and what it wrote beside that.
            param([hashtable] $With = @{}, [string[]] $Without = @())
            $wanted = Get-Wanted -With $With -Without $Without
            $told = @{ Error = ''; Warning = @(); Verbose = @() }
            $records = @(try { Set-TargetResource @wanted 3>&1 4>&1 } catch { $told.Error = "$_" })
            foreach ($record in $records) {
                if ($record -is [System.Management.Automation.WarningRecord]) { $told.Warning += $record.Message }
                if ($record -is [System.Management.Automation.VerboseRecord]) { $told.Verbose += $record.Message }
            }
            $told
        }
        function New-Rights { param([string[]] $Line) $global:Windows.Rights = (@('[Unicode]', 'Unicode=yes', '[Privilege Rights]') + $Line + @('[Version]', 'signature="$CHICAGO$"')) -join "`r`n" }
    }
    AfterAll { Remove-Command }
    BeforeEach {
        $global:Windows = New-Windows
        $global:Windows.Files['\\corpfs\media\MIM\Synchronization Service.msi'] = 'msi'
        $global:DSCMachineStatus = 0
    }

    Context 'what is missing is named, with where to get it, and nothing is touched:' {
        AfterEach { Get-Changes | Should -HaveCount 0 }
        It '<Name>' -ForEach @(
            @{ Name = 'the SQL Server client'; Key = 'SqlClient'; Says = "a SQL Server client (*Native Client - QFE'*OLE DB Driver for SQL Server')" }
            @{ Name = 'the Visual C++ runtime'; Key = 'VisualCpp'; Says = "the Visual C++ runtime for x64*Redistributable downloads')" }
            @{ Name = '.NET Framework'; Key = 'DotNet'; Says = ".NET Framework 4.6 or later (*page 'Download .NET Framework')" }
        ) {
            $global:Windows.Registry.Remove((Get-Variable -Name $Key -ValueOnly))
            (Invoke-Set).Error | Should -BeLike "MimSync.Prerequisite: the node lacks $Says. Install what is missing first."
        }
        It 'everything at once' {
            $global:Windows.Registry = @{}
            $said = (Invoke-Set).Error
            $said | Should -BeLike "MimSync.Prerequisite: the node lacks a SQL Server client (*), and the Visual C++ runtime*), and .NET Framework 4.6 *). Install what is missing first."
        }
        It 'a .NET Framework that is older than 4.6, or tells no release' {
            foreach ($values in @{ Release = 393294 }, @{ Release = 379893 }, @{}) {
                $global:Windows.Registry[$DotNet] = $values
                (Invoke-Set).Error | Should -BeLike 'MimSync.Prerequisite: the node lacks .NET Framework 4.6 or later (*'
            }
        }
        It 'a runtime that is not <_>' -ForEach @(
            'Microsoft Visual C++ 2012 Redistributable (x64) - 11.0.61030', 'Microsoft Visual C++ 2010  x64 Redistributable - 10.0.40219'
            'Microsoft Visual C++ 2013 Redistributable (x86) - 12.0.40664', 'Microsoft Visual C++ 2013 x64 Additional Runtime - 12.0.40664'
            'Microsoft Visual C++ 2013 x64 Debug Runtime - 12.0.21005', 'Microsoft Visual C++ 2015-2022 Redistributable (x86) - 14.38.33135'
            'Microsoft Visual C++ 2022 X86 Minimum Runtime - 14.38.33135', 'Not Microsoft Visual C++ 2013 Redistributable (x64) - 12.0.40664', ''
        ) {
            $global:Windows.Registry[$VisualCpp] = @{ DisplayName = $_ }
            $global:Windows.Registry["SOFTWARE\$Below\nameless"] = @{ DisplayVersion = '1.0' }
            (Invoke-Set).Error | Should -BeLike 'MimSync.Prerequisite: the node lacks the Visual C++ runtime for x64*'
        }
        It 'a port, an instance or a protocol where a name belongs: <Key> is <Value>' -ForEach @(
            foreach ($value in 'corpsql,1433', 'corpsql:1433', 'tcp:corpsql', 'tcp:corpsql,1433', 'np:corpsql', 'corpsql\MIM', 'corpsql\MIM,1433', '\\.\pipe\sql\query', '.\MIM', 'localhost,1433', '[::1]:1433', 'a;b') {
                @{ Key = 'SqlServer'; Value = $value }
            }
            foreach ($value in 'MIM,1433', 'corpsql\MIM', 'MIM:1433', ',1433') { @{ Key = 'SqlInstance'; Value = $value } }
        ) {
            (Invoke-Set -With @{ $Key = $Value }).Error | Should -Be ("MimSync.SqlPort: $Key '$Value' is more than a name, and setup rolls back on a port. For a port make a SQL alias on the node (cliconfg.exe, 64-bit) and " +
                'name it as SqlServer without an instance; else the server is SqlServer and the instance SqlInstance.')
        }
    }

    Context 'it is enough to have' {
        It 'the SQL Server client <_>' -ForEach @('SQLNCLI11', 'SQLNCLI10', 'MSOLEDBSQL', 'MSOLEDBSQL19') {
            $global:Windows.Registry.Remove($SqlClient)
            $global:Windows.Registry["SOFTWARE\Classes\$_"] = @{}
            (Invoke-Set).Error | Should -BeExactly ''
        }
        It 'no SQL Server client when SQL Server is on the node, whatever that is called' {
            foreach ($name in '.', 'localhost', '(local)', 'corpsync', 'corpsync.contoso.com', $null) {
                $global:Windows = New-Windows
                $global:Windows.Files['\\corpfs\media\MIM\Synchronization Service.msi'] = 'msi'
                $global:Windows.Registry.Remove($SqlClient)
                $with = @{ SqlServer = $name }
                if (-not $name) { (Invoke-Set -Without 'SqlServer').Error | Should -BeExactly '' }
                else { (Invoke-Set -With $with).Error | Should -BeExactly '' }
            }
        }
        It 'the runtime <Name> in <Root>' -ForEach @(
            foreach ($name in 'Microsoft Visual C++ 2013 Redistributable (x64) - 12.0.30501', 'Microsoft Visual C++ 2015 Redistributable (x64) - 14.0.24210', 'Microsoft Visual C++ 2017 Redistributable (x64) - 14.16.27033',
                'Microsoft Visual C++ 2015-2019 Redistributable (x64) - 14.29.30139', 'Microsoft Visual C++ 2015-2022 Redistributable (x64) - 14.38.33135', 'Microsoft Visual C++ v14 Redistributable (x64) - 14.50.35719',
                'Microsoft Visual C++ 2013 x64 Minimum Runtime - 12.0.40664', 'Microsoft Visual C++ 2022 X64 Minimum Runtime - 14.38.33135') {
                foreach ($root in 'SOFTWARE', 'SOFTWARE\WOW6432Node') { @{ Name = $name; Root = $root } }
            }
        ) {
            $global:Windows.Registry.Remove($VisualCpp)
            $global:Windows.Registry["$Root\$Below\{00000000-0000-0000-0000-000000000001}"] = @{ DisplayName = $Name }
            (Invoke-Set).Error | Should -BeExactly ''
        }
        It '.NET Framework 4.6 itself' {
            $global:Windows.Registry[$DotNet] = @{ Release = 393295 }
            (Invoke-Set).Error | Should -BeExactly ''
        }
    }

    Context 'what is only advised' {
        AfterEach { $global:Windows.Files.ContainsKey('C:\ProgramData\mimc\rights.inf') | Should -BeFalse }
        It 'is nothing on a node as the guides want it' {
            $told = Invoke-Set
            $told.Error + $told.Warning | Should -BeExactly ''
            @($global:Windows.Calls | Where-Object { $_ -like 'Start-RightExport *' }) | Should -Be @('Start-RightExport Path=C:\ProgramData\mimc\rights.inf')
        }
        It 'does not fail an installation, and says each policy that should list the account, and where that is' {
            New-Rights -Line "SeBatchLogonRight = *$Sid", "SeDenyNetworkLogonRight = *S-1-5-32-546,*$Sid"
            $told = Invoke-Set
            $told.Error | Should -BeExactly ''
            $told.Warning | Should -HaveCount 1
            foreach ($said in 'Advice: the service account contoso\MIMSync should be listed', 'Deny log on locally (SeDenyInteractiveLogonRight)', 'Deny log on as a batch job (SeDenyBatchLogonRight)', '(SeServiceLogonRight)',
                'Computer Configuration > Windows Settings > Security Settings > Local Policies > User Rights Assignment') { $told.Warning[0] | Should -BeLike "*$said*" }
            $told.Warning[0] | Should -Not -BeLike '*SeDenyNetworkLogonRight*'
        }
        It 'says when the network right is not to be denied' {
            New-Rights -Line "SeServiceLogonRight = *$Sid"
            (Invoke-Set).Warning[0] | Should -BeLike '*from the network, but not when the account is also that of the MIM management agent*(SeDenyNetworkLogonRight)*'
        }
        It 'counts a right that is given by SID, by name, or to a group of the account' {
            $global:Windows.Groups['MIMSync@contoso'] = @('S-1-5-21-1-2-3-9000')
            New-Rights -Line 'SeDenyInteractiveLogonRight = Guest,contoso\MIMSync', 'SeDenyBatchLogonRight = *S-1-5-32-546 , *S-1-5-21-1-2-3-9000', "SeDenyNetworkLogonRight=*$Sid", "SeServiceLogonRight = *S-1-5-80-0,*$Sid"
            (Invoke-Set).Warning | Should -HaveCount 0
        }
        It 'is told of a right that nobody has, or others' {
            New-Rights -Line "SeDenyInteractiveLogonRight = *$Sid", "SeDenyBatchLogonRight = *${Sid}0", 'SeDenyNetworkLogonRight =', "SeServiceLogonRight = *$Sid"
            $told = Invoke-Set
            $told.Warning[0] | Should -BeLike '*policies: Deny log on as a batch job (SeDenyBatchLogonRight); Deny access to this computer from the network*(SeDenyNetworkLogonRight). Set*'
        }
        It 'says that groups could not be read, when they could not' {
            $global:Windows.Groups.Clear()
            New-Rights -Line "SeServiceLogonRight = *$Sid"
            $told = Invoke-Set
            $told.Warning[0] | Should -BeLike '*Its groups could not be read: *'
            $told.Verbose | Should -Contain 'the groups of contoso\MIMSync cannot be read: there is no MIMSync@contoso'
            $told.Error | Should -BeExactly ''
        }
        It 'names the groups that the account need not be in' {
            $global:Windows.Groups['MIMSync@contoso'] = @('S-1-5-32-544', 'S-1-5-21-1-2-3-1102', 'S-1-1-0')
            (Invoke-Set).Warning | Should -Be @('Advice: the service account contoso\MIMSync is a member of the local Administrators, contoso\MIMSyncOperators, which the service does not need. Take it out.')
        }
        It 'is asked for a group managed service account too' {
            $global:Windows.Groups['gmsa$@contoso'] = @('S-1-5-32-544')
            $told = Invoke-Set -With @{ ManagedServiceAccount = 'contoso\gmsa$' } -Without 'ServiceAccount'
            $told.Error | Should -BeExactly ''
            $told.Warning | Should -HaveCount 2
            $told.Warning[0] | Should -BeLike 'Advice: the service account contoso\gmsa$ should be listed*'
        }
        It 'is left out with a word when the rights cannot be read: <Name>' -ForEach @(
            @{ Name = 'no file'; Key = 'Rights'; Value = ''; Says = "secedit wrote no user rights (exit code '0')" }
            @{ Name = 'no section'; Key = 'Rights'; Value = "[Unicode]`r`nSeServiceLogonRight = *S-1"; Says = "secedit wrote no user rights (exit code '0')" }
            @{ Name = 'no end'; Key = 'RightsSlow'; Value = $true; Says = '' }
            @{ Name = 'no folder of ours'; Key = 'Owner'; Value = 'C:\ProgramData\mimc'; Says = 'MimSync.FolderOwner: C:\ProgramData\mimc belongs to somebody' }
        ) {
            $global:Windows[$Key] = $Value
            $told = Invoke-Set
            $told.Warning | Should -HaveCount 0
            if ($Says) { $told.Verbose | Should -Contain "the user rights of contoso\MIMSync cannot be judged: $Says" }
            @($global:Windows.Calls | Where-Object { $_ -like 'Stop-Child*' }) | Should -HaveCount ([int] ($Name -eq 'no end'))
            if ($Key -ne 'Owner') { $told.Error | Should -BeExactly '' }
        }
        It 'is .NET Framework 3.5' {
            $path = 'SOFTWARE\Microsoft\NET Framework Setup\NDP\v3.5'
            $global:Windows.Registry[$path] = @{ Install = 0 }
            (Invoke-Set).Warning | Should -BeLike 'Advice: .NET Framework 3.5 is not on this node. *SP3*'
            $global:Windows = New-Windows
            $global:Windows.Files['\\corpfs\media\MIM\Synchronization Service.msi'] = 'msi'
            $global:Windows.Registry.Remove($path)
            $told = Invoke-Set
            $told.Warning | Should -HaveCount 1
            $told.Error | Should -BeExactly ''
        }
        It 'is not asked for on an installed node' {
            (Invoke-Set).Error | Should -BeExactly ''
            $global:Windows.Calls.Clear()
            New-Rights -Line @()
            $told = Invoke-Set
            $told.Error + $told.Warning | Should -BeExactly ''
            Get-Changes | Should -HaveCount 0
        }
    }

    Context 'progress' {
        BeforeAll {
            # Wherever a module calls it, the engine finds this one first.
            $global:Progress = New-Object System.Collections.ArrayList
            function global:Write-Progress { param([string] $Activity, [string] $Status, [switch] $Completed) [void] $global:Progress.Add($(if ($Completed) { 'completed' } else { $Status })) }
        }
        AfterAll { Remove-Item -Path Function:\Write-Progress }
        BeforeEach { $global:Progress.Clear() }
        It 'is told step by step, in the verbose stream too, and ends' {
            $steps = 'checking the node', 'copying the media', 'judging the media', 'installing, up to 90 seconds', 'exporting the keys', 'reading back'
            $told = Invoke-Set -With @{ SetupTimeout = 90 }
            $told.Verbose | Should -Be $steps
            $global:Progress | Should -Be ($steps + 'completed')
        }
        It 'ends after a failure' {
            $global:Windows.ExitCode = '1603'
            (Invoke-Set).Error | Should -BeLike 'MimSync.SetupFailed: exit code 1603*'
            $global:Progress | Should -Be @('checking the node', 'copying the media', 'judging the media', 'installing, up to 7200 seconds', 'completed')
        }
        It 'ends after a refusal' {
            $global:Windows.Registry = @{}
            (Invoke-Set).Error | Should -BeLike 'MimSync.Prerequisite: *'
            $global:Progress | Should -Be @('checking the node', 'completed')
        }
    }
}
