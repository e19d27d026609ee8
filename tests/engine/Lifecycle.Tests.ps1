# The shipped module on a product that is there already, or a database that is: keys, patch, settings, removal.
Describe 'the module MimSyncDsc, later' {
    BeforeAll {
        Set-StrictMode -Version Latest
        . (Join-Path -Path $PSScriptRoot -ChildPath 'StandIns.ps1')
        . (Join-Path -Path $PSScriptRoot -ChildPath 'Wanted.ps1')
        function Set-Wanted {
            # Set, and what Test says then.
            param([hashtable] $With)
            $wanted = Get-Wanted -With $With
            Set-TargetResource @wanted
            Test-TargetResource @wanted | Should -BeTrue
        }
        function Get-Call { param([string] $Like) @($global:Windows.Calls | Where-Object { $_ -like $Like }) }
        $Keys = 'C:\MIM\keys\miiskeys.bin'
        $Product = '{5A7CB0A3-7AA2-4F40-8899-02B83694085F}'
    }
    AfterAll { Remove-Command }
    BeforeEach {
        $global:Windows = New-Windows
        $global:Windows.Files['\\corpfs\media\MIM\Synchronization Service.msi'] = 'msi'
        $global:DSCMachineStatus = 0
    }

    Context 'a product that is to be absent' {
        It 'is in the desired state where it is not, whatever else is desired' {
            $wanted = Get-Wanted -With @{ Ensure = 'Absent' }
            Test-TargetResource @wanted | Should -BeTrue
            Set-TargetResource @wanted
            Get-Changes | Should -HaveCount 0
        }
        It 'goes, after its keys were exported in the same run, and the database stays' {
            Install-Wanted
            $global:Windows.Files[$Keys] = 'old'
            $wanted = Get-Wanted -With @{ Ensure = 'absent' }
            Test-TargetResource @wanted | Should -BeFalse
            Set-TargetResource @wanted
            Test-TargetResource @wanted | Should -BeTrue
            $global:Windows.Order.Action | Should -Be 'remove'
            $global:Windows.Order.Product | Should -Be $Product
            $global:Windows.Order.Text | Should -BeExactly 'REBOOT="ReallySuppress"'
            $global:Windows.Order.Password | Should -BeExactly ''
            $global:Windows.Files[$Keys] | Should -Be 'keys'
            $global:Windows.DatabaseId | Should -Be 5
        }
        It 'takes our own firewall rules along, and no others' {
            $global:Windows.Rules = $false
            Install-Wanted
            $rules = $global:Windows.Registry[$global:FirewallRules]
            @($rules.Keys) -like 'mimc-MimSync-*' | Should -HaveCount 2
            $rules['other'] = 'v2.30|Action=Allow|Active=TRUE|Dir=In|App=C:\old\miiserver.exe|'
            $wanted = Get-Wanted -With @{ Ensure = 'Absent' }
            Set-TargetResource @wanted
            @($rules.Keys) | Should -Be @('other')
        }
        It 'stays when its keys cannot be exported' {
            Install-Wanted
            $global:Windows.KeyPassword = 'another'
            $wanted = Get-Wanted -With @{ Ensure = 'Absent' }
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.Key: *'
            $global:Windows.Orders | Should -BeNullOrEmpty
        }
        It 'stays when the tool for the keys fails, though it left a file: <Name>' -ForEach @(
            @{ Name = 'an exit code'; Do = { $global:Windows.ToolCode = 1 } }, @{ Name = 'an empty one'; Do = { $global:Windows.KeyText = '' } }
        ) {
            Install-Wanted
            & $Do
            $wanted = Get-Wanted -With @{ Ensure = 'Absent' }
            { Set-TargetResource @wanted } | Should -Throw "MimSync.Key: *What was in $Keys is still there.*"
            $global:Windows.Files[$Keys] | Should -Be 'keys'
            $global:Windows.Orders | Should -BeNullOrEmpty
        }
        It 'leaves the key file of before beside the new one' {
            Install-Wanted
            $global:Windows.Files[$Keys] = 'the only good keys'
            $wanted = Get-Wanted -With @{ Ensure = 'Absent' }
            Set-TargetResource @wanted
            $old = @($global:Windows.Files.Keys | Where-Object { $_ -like "$Keys.*.old" })
            $old | Should -HaveCount 1
            $global:Windows.Files[$old[0]] | Should -Be 'the only good keys'
        }
        It 'may have its keys in the folder that mimc works in' {
            $wanted = Get-Wanted -With @{ KeyBackupPath = 'C:\ProgramData\mimc\keys\miiskeys.bin' }
            Set-TargetResource @wanted
            $wanted['Ensure'] = 'Absent'
            Set-TargetResource @wanted
            $global:Windows.Files['C:\ProgramData\mimc\keys\miiskeys.bin'] | Should -Be 'keys'
        }
        It 'is not gone while its Uninstall entry is there' {
            Install-Wanted
            $global:Windows.Registry.Remove('SYSTEM\CurrentControlSet\Services\FIMSynchronizationService')
            $wanted = Get-Wanted -With @{ Ensure = 'Absent' }
            Test-TargetResource @wanted | Should -BeFalse
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.HalfInstalled: *'
            $global:Windows.Busy = $true
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.InstallerBusy: *'
        }
        It 'stays when nobody says where its keys are to go' {
            Install-Wanted
            $wanted = Get-Wanted -With @{ Ensure = 'Absent' } -Without 'KeyBackupPath'
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.Key: *KeyBackupPath is needed*'
            Get-Changes | Should -HaveCount 0
        }
        It 'stays when its keys would go with it' {
            Install-Wanted
            $wanted = Get-Wanted -With @{ Ensure = 'Absent'; KeyBackupPath = 'c:\program files\microsoft forefront identity manager\2010\Synchronization Service\keys.bin' }
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.Key: *folder that is going to be removed*'
            $global:Windows.Orders | Should -BeNullOrEmpty
        }
        It 'says which code setup ended with, and that it is still there though setup reported success' {
            Install-Wanted
            $global:Windows.ExitCode = '1605'
            $wanted = Get-Wanted -With @{ Ensure = 'Absent' }
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.SetupFailed: exit code 1605: *'
            $global:Windows.ExitCode = '0'
            $global:Windows.NoEffect = $true
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.Verify: setup reported success, but the product is still there. Setup log C:\*'
        }
        It 'asks for a restart when setup does' {
            Install-Wanted
            $global:Windows.ExitCode = '3010'
            $wanted = Get-Wanted -With @{ Ensure = 'Absent' }
            Set-TargetResource @wanted
            $global:DSCMachineStatus | Should -Be 1
        }
        It 'is not begun with when <Name>' -ForEach @(
            @{ Name = 'the account is no administrator'; Key = 'Administrator'; Value = $false; Code = 'Rights' }
            @{ Name = 'another installation runs'; Key = 'Busy'; Value = $true; Code = 'InstallerBusy' }
        ) {
            Install-Wanted
            $global:Windows[$Key] = $Value
            $wanted = Get-Wanted -With @{ Ensure = 'Absent' }
            { Set-TargetResource @wanted } | Should -Throw "MimSync.${Code}: *"
            Get-Changes | Should -HaveCount 0
        }
    }

    Context 'a database that is there already' {
        BeforeEach {
            $global:Windows.DatabaseId = 5
            $global:Windows.Files['\\corpfs\keys\old.bin'] = 'old keys'
            $Use = @{ ExistingDatabase = 'Use'; ExistingKeyPath = '\\corpfs\keys\old.bin' }
        }
        It 'is refused unless the document says to use it' {
            foreach ($with in @{}, @{ ExistingDatabase = 'Refuse' }) {
                $wanted = Get-Wanted -With $with
                { Set-TargetResource @wanted } | Should -Throw 'MimSync.DatabaseExists: corpsql.contoso.com already has a database FIMSynchronizationService*ExistingDatabase = Use*'
                $global:Windows.Orders | Should -BeNullOrEmpty
            }
        }
        It 'is used, and its key file activated, with the password typed and on no command line' {
            Set-Wanted -With $Use
            $call = @(Get-Call -Like 'Start-Child *miisactivate.exe*')
            $call | Should -HaveCount 1
            $call[0] | Should -Match 'Argument="C:\\ProgramData\\mimc\\keys\\[0-9a-f]{32}\.bin" "contoso\\MIMSync" \* /q\z'
            @($global:Windows.Files.Keys) -like 'C:\ProgramData\mimc\keys\*' | Should -HaveCount 0
            $global:Windows.Calls -join ' ' | Should -Not -BeLike "*$Plain*"
        }
        It 'is activated for a managed account by its name without the dollar sign, and nothing is typed' {
            $wanted = Get-Wanted -With ($Use + @{ ManagedServiceAccount = 'contoso\gmsa$' }) -Without 'ServiceAccount'
            Set-TargetResource @wanted
            @(Get-Call -Like 'Start-Child *miisactivate.exe*')[0] | Should -BeLike '*.bin" "contoso\gmsa" /q'
        }
        It 'is not touched when its key file is <Name>' -ForEach @(
            @{ Name = 'not named'; Path = ''; Like = '*ExistingKeyPath*' }, @{ Name = 'not there'; Path = 'D:\no.bin'; Like = '*no key file D:\no.bin*' }
            @{ Name = 'empty'; Path = 'D:\empty.bin'; Like = '*D:\empty.bin*' }
        ) {
            $global:Windows.Files['D:\empty.bin'] = ''
            $wanted = Get-Wanted -With @{ ExistingDatabase = 'Use'; ExistingKeyPath = $Path }
            { Set-TargetResource @wanted } | Should -Throw "MimSync.ExistingKey: $Like"
            $global:Windows.Orders | Should -BeNullOrEmpty
        }
        It 'is not in the desired state until its keys are activated, whatever is installed' {
            $global:Windows.ToolCode = 1
            $wanted = Get-Wanted -With $Use
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.Activate: *'
            Test-TargetResource @wanted | Should -BeFalse
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.Activate: *'
            @($global:Windows.Orders | ForEach-Object { $_.Action }) | Should -Be @('install')
            $plain = Get-Wanted
            { Set-TargetResource @plain } | Should -Throw 'MimSync.Activate: *Say where it is: ExistingKeyPath.'
            $global:Windows.Files.ContainsKey($Keys) | Should -BeFalse
            $global:Windows.ToolCode = 0
            Set-TargetResource @wanted
            Test-TargetResource @wanted | Should -BeTrue
        }
        It 'has a key file that the backup may not write over' {
            $wanted = Get-Wanted -With @{ ExistingDatabase = 'Use'; ExistingKeyPath = $Keys }
            $global:Windows.Files[$Keys] = 'the only good keys'
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.Key: *would be written over*'
            $global:Windows.Files[$Keys] | Should -Be 'the only good keys'
            $global:Windows.Orders | Should -BeNullOrEmpty
        }
        It 'has to be there' {
            $global:Windows.DatabaseId = $null
            $wanted = Get-Wanted -With $Use
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.DatabaseMissing: *has no database FIMSynchronizationService*'
            $global:Windows.Orders | Should -BeNullOrEmpty
        }
        It 'has the exit code of miisactivate told, and the copy of the key file goes' {
            $global:Windows.ToolCode = -2145188797
            $wanted = Get-Wanted -With $Use
            { Set-TargetResource @wanted } | Should -Throw "MimSync.Activate: *old.bin (exit code '-2145188797'; *0x80230443*"
            $global:Windows.Files.ContainsKey('C:\ProgramData\mimc\keys\existing.bin') | Should -BeFalse
        }
        It 'has a code below zero told alike where another minus sign is written' {
            $thread = [System.Threading.Thread]::CurrentThread
            $before = $thread.CurrentCulture
            $swedish = [System.Globalization.CultureInfo]::InvariantCulture.Clone()
            $swedish.NumberFormat.NegativeSign = [string] [char] 0x2212
            $global:Windows.ToolCode = -2145188797
            $wanted = Get-Wanted -With $Use
            try {
                $thread.CurrentCulture = $swedish
                { Set-TargetResource @wanted } | Should -Throw "MimSync.Activate: *(exit code '-2145188797'; *"
            } finally { $thread.CurrentCulture = $before }
        }
        It 'has miisactivate ended when it does not end by itself' {
            $global:Windows.KeyPassword = 'another'
            $wanted = Get-Wanted -With $Use
            { Set-TargetResource @wanted } | Should -Throw "MimSync.Activate: *(exit code ''; *"
            Get-Call -Like 'Stop-Child*' | Should -HaveCount 1
        }
    }

    Context 'a patch' {
        BeforeEach {
            $global:Windows.Files['\\corpfs\media\hotfix.msp'] = 'msp'
            $Patch = @{ MinimumVersion = '4.6.673.0'; PatchPath = '\\corpfs\media\hotfix.msp' }
        }
        It 'is applied to an older product, from its copy, after the configuration file was kept' {
            Install-Wanted
            $configuration = 'C:\Program Files\Microsoft Forefront Identity Manager\2010\Synchronization Service\Bin\miiserver.exe.config'
            $global:Windows.Files[$configuration] = 'tuned'
            Set-Wanted -With $Patch
            $global:Windows.Order.Action | Should -Be 'patch'
            $global:Windows.Order.Package | Should -Be 'C:\ProgramData\mimc\media\MimSync.msp'
            $global:Windows.Order.Text | Should -BeExactly 'REBOOT="ReallySuppress"'
            $global:Windows.Files['C:\ProgramData\mimc\before\miiserver.exe.config-4.6.34.0'] | Should -Be 'tuned'
        }
        It 'follows an installation whose media are older' {
            Set-Wanted -With $Patch
            @($global:Windows.Orders | ForEach-Object { $_.Action }) | Should -Be @('install', 'patch')
            @($global:Windows.Orders | ForEach-Object { $_.Log } | Select-Object -Unique) | Should -HaveCount 2
        }
        It 'is applied to this product alone, while its service stands still' {
            Install-Wanted
            Set-Wanted -With $Patch
            $global:Windows.Order.Product | Should -Be $Product
            @(Get-Call -Like 'Set-ServiceRunning*') | Should -Be @('Set-ServiceRunning Name=FIMSynchronizationService Running=False')
        }
        It 'leaves the service running that ran, though it failed' {
            Install-Wanted
            $global:Windows.ExitCode = '1603'
            $wanted = Get-Wanted -With $Patch
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.SetupFailed: *'
            $global:Windows.Services['FIMSynchronizationService'] | Should -Be 'Running'
            # Rolled back: nothing but the version is to be seen to.
            $left = @(Compare-MimSyncState -Desired $wanted -State (ConvertFrom-Json -InputObject (Get-TargetResource @wanted)['State'] -AsHashtable) | Where-Object { $_['Status'] -eq 'drift' })
            @($left | ForEach-Object { $_['Property'] }) | Should -Be @('MinimumVersion')
        }
        It 'does not start a service that stood still' {
            Install-Wanted
            $global:Windows.Services['FIMSynchronizationService'] = 'Stopped'
            $global:Windows.ServiceAfter = 'Stopped'
            Set-Wanted -With $Patch
            Get-Call -Like 'Set-ServiceRunning*' | Should -HaveCount 0
        }
        It 'leaves the service alone while setup goes on' {
            Install-Wanted
            $global:Windows.ExitCode = 'never'
            $global:Windows.BusyAfter = $true
            $wanted = Get-Wanted -With $Patch
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.StillRunning: *'
            Get-Call -Like 'Set-ServiceRunning*Running=True' | Should -HaveCount 0
            Test-TargetResource @wanted | Should -BeFalse
        }
        It 'has its own failure told, though the service cannot be started again either' {
            Install-Wanted
            $global:Windows.ExitCode = '1603'
            $global:Windows.Startable = $false
            $wanted = Get-Wanted -With $Patch
            { Set-TargetResource @wanted -WarningAction SilentlyContinue } | Should -Throw 'MimSync.SetupFailed: *'
        }
        It 'that wants a restart has the service left as setup left it' {
            Install-Wanted
            $global:Windows.ExitCode = '3010'
            $global:Windows.ServiceAfter = 'Stopped'
            Set-Wanted -With $Patch
            Get-Call -Like 'Set-ServiceRunning*Running=True' | Should -HaveCount 0
        }
        It 'that brings SP3 is not applied' {
            Install-Wanted
            $wanted = Get-Wanted -With @{ MinimumVersion = '4.7.3.0'; PatchPath = '\\corpfs\media\hotfix.msp' }
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.Patch: the patch that brings SP3*'
            $global:Windows.Orders | Should -BeNullOrEmpty
        }
        It 'warns when it replaced the configuration file, and keeps the first of a version' {
            Install-Wanted
            $global:Windows.Files[$global:Configuration] = 'tuned'
            $global:Windows.Untuned = $true
            $global:Windows.PatchVersion = '4.6.34.0'
            $wanted = Get-Wanted -With $Patch
            foreach ($run in 1, 2) { try { Set-TargetResource @wanted 3>&1 | Out-String -OutVariable warned | Out-Null } catch { Write-Verbose -Message 'the version stays below' } }
            $global:Windows.Files['C:\ProgramData\mimc\before\miiserver.exe.config-4.6.34.0'] | Should -Be 'tuned'
            $global:Windows.PatchVersion = '4.6.673.0'
            $global:Windows.Files[$global:Configuration] = 'tuned again'
            @(Set-TargetResource @wanted 3>&1) -like '*setup has replaced*miiserver.exe.config-4.6.34.0*' | Should -HaveCount 1
        }
        It 'is not applied before the keys were exported' {
            Install-Wanted
            $wanted = Get-Wanted -With $Patch -Without 'KeyBackupPath'
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.Key: *KeyBackupPath is needed*'
            $global:Windows.KeyPassword = 'another'
            $wanted = Get-Wanted -With $Patch
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.Key: *'
            $global:Windows.Orders | Should -BeNullOrEmpty
        }
        It 'is left alone when the version is good enough' {
            Install-Wanted
            Set-Wanted -With ($Patch + @{ EnableRpcFirewallRules = $true } | ForEach-Object { $_['MinimumVersion'] = '4.6.34.0'; $_ })
            $global:Windows.Orders | Should -BeNullOrEmpty
        }
        It 'is not applied when it is not there' {
            Install-Wanted
            $wanted = Get-Wanted -With ($Patch + @{ SetupTimeout = [uint32] 60 } | ForEach-Object { $_['PatchPath'] = 'D:\no.msp'; $_ })
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.Patch: there is no patch D:\no.msp*'
            $global:Windows.Orders | Should -BeNullOrEmpty
        }
        It 'is not applied when Microsoft has not signed it' {
            Install-Wanted
            $global:Windows.Signature = @{ Status = 'NotSigned'; Subject = '' }
            $wanted = Get-Wanted -With $Patch
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.PatchSignature: *'
            $global:Windows.Orders | Should -BeNullOrEmpty
        }
        It 'that does not bring the version is told' {
            Install-Wanted
            $global:Windows.PatchVersion = '4.6.540.0'
            $wanted = Get-Wanted -With $Patch
            { Set-TargetResource @wanted } | Should -Throw "MimSync.Repair: put right, and still not as desired: MinimumVersion should be '4.6.673.0' and is '4.6.540.0'*"
        }
        It 'that does not fit is told by its code' {
            Install-Wanted
            $global:Windows.ExitCode = '1642'
            $wanted = Get-Wanted -With $Patch
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.SetupFailed: exit code 1642: the patch does not fit the installed version.*'
        }
    }

    Context 'settings that setup alone can change' {
        BeforeEach {
            Install-Wanted
            $Policy = @{ MaintenancePolicy = 'Reconfigure' }
        }
        It 'stay as they are under the policy Refuse' {
            foreach ($with in @{}, @{ MaintenancePolicy = 'Refuse' }) {
                $wanted = Get-Wanted -With ($with + @{ OperatorsGroup = 'contoso\Other' })
                { Set-TargetResource @wanted } | Should -Throw 'MimSync.CannotSet: OperatorsGroup *'
                $global:Windows.Orders | Should -BeNullOrEmpty
            }
        }
        It 'are given to maintenance mode: groups' {
            Set-Wanted -With ($Policy + @{ OperatorsGroup = 'contoso\Other' })
            $order = $global:Windows.Order
            $order.Action | Should -Be 'configure'
            $order.Product | Should -Be $Product
            $order.Property['GROUPOPERATORS'] | Should -Be 'contoso\Other'
            $order.Property['REINSTALL'] | Should -Be 'ALL'
            $order.Property['REINSTALLMODE'] | Should -Be 'omus'
            $order.Property['SERVICEPASSWORD'] | Should -BeExactly $Plain
            $order.Property['INSTALLDIR'] | Should -Be 'C:\Program Files\Microsoft Forefront Identity Manager\2010'
            foreach ($name in 'ADDLOCAL', 'FIREWALL_CONF') { $order.Property.ContainsKey($name) | Should -BeFalse }
        }
        It 'are given to maintenance mode: a service account, to a managed one too' {
            $wanted = Get-Wanted -With ($Policy + @{ ManagedServiceAccount = 'contoso\gmsa$' }) -Without 'ServiceAccount'
            Set-TargetResource @wanted
            Get-Call -Like 'Start-Child *' | Should -HaveCount 0
            Test-TargetResource @wanted | Should -BeTrue
            $global:Windows.Order.Property['SERVICEACCOUNT'] | Should -BeExactly 'gmsa$'
            $global:Windows.Order.Password | Should -BeExactly ''
        }
        It 'never take the database along: it is told as it is' {
            $wanted = Get-Wanted -With ($Policy + @{ OperatorsGroup = 'contoso\Other'; SqlServer = 'othersql.contoso.com'; DatabaseName = 'Else' })
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.CannotSet: SqlServer should be *; DatabaseName should be *'
            $global:Windows.Order.Property['STORESERVER'] | Should -Be 'corpsql.contoso.com'
            $global:Windows.Order.Property['SQLDB'] | Should -Be 'FIMSynchronizationService'
        }
        It 'need a backup of the keys' {
            $wanted = Get-Wanted -With ($Policy + @{ OperatorsGroup = 'contoso\Other' }) -Without 'KeyBackupPath'
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.Key: *KeyBackupPath is needed*'
            $global:Windows.Orders | Should -BeNullOrEmpty
        }
        It 'have the keys exported first where they are missing' {
            $global:Windows.Files.Remove($Keys)
            Set-Wanted -With ($Policy + @{ OperatorsGroup = 'contoso\Other' })
            $global:Windows.Files[$Keys] | Should -Be 'keys'
        }
        It 'stay when the account is to change and the keys of the present one <Name>' -ForEach @(
            @{ Name = 'are not there'; Do = { $global:Windows.Files.Remove($Keys) } }
            @{ Name = 'are in a file of somebody else'; Do = { $global:Windows.Files[$Keys] = 'other keys' } }
            @{ Name = 'were never exported here'; Do = { $global:Windows.Registry.Remove('SOFTWARE\mimc\MimSyncDsc\KeyBackup') } }
        ) {
            & $Do
            $wanted = Get-Wanted -With ($Policy + @{ ServiceAccount = (New-Credential -User 'contoso\Other') })
            { Set-TargetResource @wanted } | Should -Throw "MimSync.Key: the service account is to be changed, and $Keys is not a key file that was exported here*"
            $global:Windows.Orders | Should -BeNullOrEmpty
        }
        It 'leave the groups as they are that the document does not state' {
            $global:Windows.Row['browse_sid'] = $global:Windows.Sids['contoso\Other']
            $wanted = Get-Wanted -With ($Policy + @{ OperatorsGroup = 'contoso\Other' }) -Without 'BrowseGroup', 'JoinersGroup'
            Set-TargetResource @wanted
            $global:Windows.Order.Property['GROUPBROWSE'] | Should -Be 'contoso\Other'
            $global:Windows.Order.Property['GROUPACCOUNTJOINERS'] | Should -Be 'contoso\MIMSyncJoiners'
            $global:Windows.Row['browse_sid'] | Should -Be $global:Windows.Sids['contoso\Other']
        }
        It 'stay when a group that the document does not state has no name' {
            $global:Windows.Row['browse_sid'] = 'S-1-5-21-1-2-3-9999'
            $wanted = Get-Wanted -With ($Policy + @{ OperatorsGroup = 'contoso\Other' }) -Without 'BrowseGroup'
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.Group: setup would reset BrowseGroup*'
            $global:Windows.Orders | Should -BeNullOrEmpty
        }
        It 'stay when a name does not resolve, though it is not that one that differs' {
            $wanted = Get-Wanted -With ($Policy + @{ OperatorsGroup = 'contoso\Other'; BrowseGroup = 'contoso\Missspelt' })
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.Unresolved: *contoso\Missspelt*'
            $global:Windows.Orders | Should -BeNullOrEmpty
        }
        It 'stay when a managed account is wanted of a version that has none' {
            $global:Windows.Registry["$global:Uninstall\$Product"]['DisplayVersion'] = '4.4.1302.0'
            $wanted = Get-Wanted -With ($Policy + @{ ManagedServiceAccount = 'contoso\gmsa$' }) -Without 'ServiceAccount'
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.Account: *needs 4.5.26.0 at least, and 4.4.1302.0 is installed*'
            $global:Windows.Orders | Should -BeNullOrEmpty
        }
        It 'are told when product or database have moved: <Name>' -ForEach @(@{ Name = 'Server' }, @{ Name = 'DBName' }, @{ Name = 'Path' }, @{ Name = 'SQLInstance' }) {
            $global:Windows.Moves[$Name] = 'elsewhere'
            $wanted = Get-Wanted -With ($Policy + @{ OperatorsGroup = 'contoso\Other' })
            foreach ($run in 1, 2) { { Set-TargetResource @wanted } | Should -Throw "MimSync.Moved: *After: *$Name 'elsewhere'*" }
            @($global:Windows.Orders) | Should -HaveCount 1
        }
        It 'get the firewall rules again that setup took away' {
            $global:Windows.Registry[$global:FirewallRules].Remove('{7A}')
            Set-Wanted -With ($Policy + @{ OperatorsGroup = 'contoso\Other' })
        }
        It 'are not begun with while a restart is pending, such as that of a patch in the same run' {
            $global:Windows.Files['\\corpfs\media\hotfix.msp'] = 'msp'
            $global:Windows.ExitCode = '3010'
            $wanted = Get-Wanted -With ($Policy + @{ OperatorsGroup = 'contoso\Other'; MinimumVersion = '4.6.673.0'; PatchPath = '\\corpfs\media\hotfix.msp' })
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.Reboot: *'
            @($global:Windows.Orders | ForEach-Object { $_.Action }) | Should -Be @('patch')
        }
        It 'go nowhere when the LCM could not decrypt the password' {
            $wanted = Get-Wanted -With ($Policy + @{ OperatorsGroup = 'contoso\Other'; ServiceAccount = (New-Credential -Text '-----BEGIN CMS-----') })
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.Undecrypted: *'
            Get-Call -Like 'Read-ChildLine*' | Should -HaveCount 0
        }
        It 'are told when maintenance mode had no effect' {
            $global:Windows.NoEffect = $true
            $wanted = Get-Wanted -With ($Policy + @{ OperatorsGroup = 'contoso\Other' })
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.Repair: put right, and still not as desired: OperatorsGroup *'
        }
        It 'are told when the service does not run with them, and stay open until it does' {
            $global:Windows.ServiceAfter = 'Stopped'
            $global:Windows.Startable = $false
            $wanted = Get-Wanted -With ($Policy + @{ ServiceAccount = (New-Credential -User 'contoso\Other') })
            foreach ($run in 1, 2) {
                { Set-TargetResource @wanted -WarningAction SilentlyContinue } | Should -Throw "MimSync.Service: *the service is 'Stopped'*miisactivate.exe with $Keys*"
                Test-TargetResource @wanted | Should -BeFalse
            }
            @($global:Windows.Orders | ForEach-Object { $_.Action }) | Should -Be @('configure')
            $global:Windows.Startable = $true
            Set-TargetResource @wanted
            Test-TargetResource @wanted | Should -BeTrue
        }
        It 'wait for a service that is starting' {
            $global:Windows.ServiceAfter = 'StartPending'
            Set-Wanted -With ($Policy + @{ OperatorsGroup = 'contoso\Other' })
            $global:Windows.ServiceLater = 'Stopped'
            $global:Windows.Startable = $false
            $wanted = Get-Wanted -With $Policy
            { Set-TargetResource @wanted -WarningAction SilentlyContinue } | Should -Throw 'MimSync.Service: *'
        }
        It 'want no service on a standby' {
            $global:Windows.ServiceAfter = 'Stopped'
            Set-Wanted -With ($Policy + @{ OperatorsGroup = 'contoso\Other'; ServiceRunning = $false })
        }
        It 'are not given to a product whose folder has an unknown name' {
            $global:Windows.Registry['SYSTEM\CurrentControlSet\Services\FIMSynchronizationService\Parameters']['Path'] = 'D:\Sync\'
            $wanted = Get-Wanted -With ($Policy + @{ OperatorsGroup = 'contoso\Other' })
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.Path: *'
            $global:Windows.Orders | Should -BeNullOrEmpty
        }
        It 'take the server along under the name that it has' {
            $global:Windows.Registry['SYSTEM\CurrentControlSet\Services\FIMSynchronizationService\Parameters']['Server'] = 'CORPSYNC'
            Set-Wanted -With ($Policy + @{ OperatorsGroup = 'contoso\Other'; SqlServer = '.' })
            $global:Windows.Order.Property['STORESERVER'] | Should -Be 'CORPSYNC'
        }
    }

    Context 'the service' {
        BeforeEach { Install-Wanted }
        It 'is started, or stopped, as the document says' {
            foreach ($running in $false, $true) {
                Set-Wanted -With @{ ServiceRunning = $running }
                $global:Windows.Services['FIMSynchronizationService'] -eq 'Running' | Should -Be $running
            }
        }
        It 'is left alone when the document says nothing' {
            $global:Windows.Services['FIMSynchronizationService'] = 'Stopped'
            Set-Wanted -With @{}
            $global:Windows.Services['FIMSynchronizationService'] | Should -Be 'Stopped'
        }
        It 'has its start type told' {
            $global:Windows.Registry['SYSTEM\CurrentControlSet\Services\FIMSynchronizationService']['Start'] = 3
            $wanted = Get-Wanted
            ((Get-TargetResource @wanted)['State'] | ConvertFrom-Json).facts.ServiceStartType | Should -Be 'Manual'
        }
    }
    It 'has no key file of an existing database written over later either' {
        Install-Wanted
        $global:Windows.Files[$Keys] = ''
        $wanted = Get-Wanted -With @{ ExistingKeyPath = $Keys }
        { Set-TargetResource @wanted } | Should -Throw 'MimSync.Key: *would be written over*'
    }
    It 'is not in the desired state by a key file of an earlier product, when the export of its own failed' {
        Install-Wanted
        $wanted = Get-Wanted -With @{ Ensure = 'Absent' }
        Set-TargetResource @wanted
        $global:Windows.DatabaseId = $null
        $global:Windows.ToolCode = 1
        $wanted = Get-Wanted -With @{ DatabaseName = 'Another' }
        { Set-TargetResource @wanted } | Should -Throw 'MimSync.Key: *'
        Test-TargetResource @wanted | Should -BeFalse
        $global:Windows.ToolCode = 0
        Set-TargetResource @wanted
        Test-TargetResource @wanted | Should -BeTrue
    }
    It 'over the wrong database gets no keys activated, in a second run neither' {
        $global:Windows.DatabaseId = 5
        $global:Windows.Files['\\corpfs\keys\old.bin'] = 'old keys'
        $global:Windows.Fallback = $true
        $wanted = Get-Wanted -With @{ ExistingDatabase = 'Use'; ExistingKeyPath = '\\corpfs\keys\old.bin' }
        foreach ($run in 1, 2) { { Set-TargetResource @wanted } | Should -Throw 'MimSync.SqlFallback: *' }
        Get-Call -Like 'Start-Child *' | Should -HaveCount 0
        # There is a way out: what it has are not the keys of that database.
        $wanted['Ensure'] = 'Absent'
        Set-TargetResource @wanted
        Test-TargetResource @wanted | Should -BeTrue
    }
    It 'whose keys were not activated is not in the desired state, whether or not the document says Present' {
        Install-Wanted
        Set-Unfinished -What 'activation'
        $wanted = Get-Wanted -Without 'Ensure'
        Test-TargetResource @wanted | Should -BeFalse
    }
    It 'has its keys exported after an installation, though a file of that name is there' {
        $global:Windows.Files[$Keys] = 'of another database'
        $wanted = Get-Wanted
        Set-TargetResource @wanted
        $global:Windows.Files[$Keys] | Should -Be 'keys'
        $global:Windows.Calls -like 'Copy-LockedFile*' | Should -HaveCount 1
    }
}
