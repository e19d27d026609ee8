# The shipped module, executed: Get, Test and Set with only the seam replaced (Windows.psm1).
Describe 'the module MimSyncDsc' {
    BeforeAll {
        Set-StrictMode -Version Latest
        . (Join-Path -Path $PSScriptRoot -ChildPath 'StandIns.ps1')
        . (Join-Path -Path $PSScriptRoot -ChildPath 'Wanted.ps1')
    }

    AfterAll { Remove-Command }
    BeforeEach {
        $global:Windows = New-Windows
        $global:Windows.Files['\\corpfs\media\MIM\Synchronization Service.msi'] = 'msi'
        $global:DSCMachineStatus = 0
    }

    Context 'a fresh node' {
        It 'is not in the desired state' {
            $wanted = Get-Wanted
            Test-TargetResource @wanted | Should -BeFalse
            Get-Changes | Should -HaveCount 0
        }
        It 'has a state that says Absent and nothing else' {
            $wanted = Get-Wanted
            $got = Get-TargetResource @wanted
            $got['Ensure'] | Should -Be 'Absent'
            $state = $got['State'] | ConvertFrom-Json
            @($state.properties.PSObject.Properties).Count | Should -Be 1
            $state.sids.'contoso\MIMSync' | Should -Be 'S-1-5-21-1-2-3-1100'
        }
        It 'gets the product with the properties of the walkthrough, and is then in the desired state' {
            $wanted = Get-Wanted
            Set-TargetResource @wanted
            $given = $global:Windows.Order.Property
            $expected = @{
                ACCEPT_EULA = '1'; STORESERVER = 'corpsql.contoso.com'; SQLDB = 'FIMSynchronizationService'
                SERVICEACCOUNT = 'MIMSync'; SERVICEDOMAIN = 'contoso'; SERVICEPASSWORD = $Plain
                GROUPADMINS = 'contoso\MIMSyncAdmins'; GROUPOPERATORS = 'contoso\MIMSyncOperators'; GROUPACCOUNTJOINERS = 'contoso\MIMSyncJoiners'
                GROUPBROWSE = 'contoso\MIMSyncBrowse'; GROUPPASSWORDSET = 'contoso\MIMSyncPasswordReset'
                FIREWALL_CONF = '1'; SQMOPTINSETTING = '0'; ADDLOCAL = 'ALL'; REBOOT = 'ReallySuppress'
            }
            (@($given.Keys) | Sort-Object) -join ' ' | Should -BeExactly ((@($expected.Keys) | Sort-Object) -join ' ')
            foreach ($name in $expected.Keys) { $given[$name] | Should -BeExactly $expected[$name] }
            $global:Windows.Order.Package | Should -Be 'C:\ProgramData\mimc\media\MimSync\Synchronization Service.msi'
            Test-TargetResource @wanted | Should -BeTrue
            $global:DSCMachineStatus | Should -Be 0
        }
        It 'is not changed by a second Set' {
            Install-Wanted
            $wanted = Get-Wanted
            Set-TargetResource @wanted
            Get-Changes | Should -HaveCount 0
        }
        It 'with a local SQL Server gets no STORESERVER, whatever the local machine is called' {
            foreach ($name in '.', 'localhost', '(local)', 'CORPSYNC', 'corpsync.contoso.com') {
                $global:Windows = New-Windows
                $global:Windows.Files['\\corpfs\media\MIM\Synchronization Service.msi'] = 'msi'
                $wanted = Get-Wanted -With @{ SqlServer = $name; SqlInstance = 'MIM'; DatabaseName = 'Sync' }
                Set-TargetResource @wanted
                $global:Windows.Order.Property.ContainsKey('STORESERVER') | Should -BeFalse
                $global:Windows.Order.Property['SQLINSTANCE'] | Should -Be 'MIM'
                Test-TargetResource @wanted | Should -BeTrue
            }
        }
        It 'gets a group managed service account without any password, and its keys' {
            $wanted = Get-Wanted -With @{ ManagedServiceAccount = 'contoso\gmsa$' } -Without 'ServiceAccount'
            Set-TargetResource @wanted
            $global:Windows.Order.Property['SERVICEACCOUNT'] | Should -BeExactly 'gmsa$'
            $global:Windows.Order.Property.ContainsKey('SERVICEPASSWORD') | Should -BeFalse
            $global:Windows.Order.Password | Should -BeExactly ''
            Test-TargetResource @wanted | Should -BeTrue
            @($global:Windows.Calls | Where-Object { $_ -like 'Start-Child *' -and $_.Contains('"/u:contoso\gmsa$" /q') }) | Should -HaveCount 1
        }
        It 'mounts an image, copies it, and takes it away again' {
            foreach ($image in 'D:\MIM.iso', '\\corpfs\media\MIM.iso') {
                $global:Windows = New-Windows
                $global:Windows.Files[$image] = 'iso'
                $wanted = Get-Wanted -With @{ SourcePath = $image }
                Set-TargetResource @wanted
                $global:Windows.Mounted | Should -BeNullOrEmpty
                $global:Windows.Files.ContainsKey('C:\ProgramData\mimc\media\MimSync.iso') | Should -BeFalse
            }
        }
        It 'says why an image cannot be used, and leaves none behind' {
            $global:Windows.Files['\\corpfs\media\MIM.iso'] = 'iso'
            $global:Windows.Letter = $false
            $wanted = Get-Wanted -With @{ SourcePath = '\\corpfs\media\MIM.iso' }
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.Media: *no drive letter*'
            $global:Windows.Files.ContainsKey('C:\ProgramData\mimc\media\MimSync.iso') | Should -BeFalse
        }
        It 'has the real reason told though the image cannot be taken away either' {
            $global:Windows.Files['D:\MIM.iso'] = 'iso'
            $global:Windows.DismountFails = $true
            $global:Windows.Signature = @{ Status = 'NotSigned'; Subject = '' }
            $wanted = Get-Wanted -With @{ SourcePath = 'D:\MIM.iso' }
            { Set-TargetResource @wanted -WarningAction SilentlyContinue } | Should -Throw 'MimSync.MediaSignature: *'
        }
        It 'keeps the transform beside the package and names it' {
            $global:Windows.Files['D:\remote.mst'] = 'mst'
            $wanted = Get-Wanted -With @{ TransformPath = 'D:\remote.mst'; InstallDirectory = 'D:\Apps\FIM\' }
            Set-TargetResource @wanted
            $global:Windows.Order.Property['TRANSFORMS'] | Should -Be 'C:\ProgramData\mimc\media\MimSync\mimc.mst'
            $global:Windows.Order.Property['INSTALLDIR'] | Should -Be 'D:\Apps\FIM'
            Test-TargetResource @wanted | Should -BeTrue
        }
        It 'asks for a restart after 3010 and 1641 only' {
            foreach ($code in '3010', '1641') {
                $global:Windows = New-Windows
                $global:Windows.Files['\\corpfs\media\MIM\Synchronization Service.msi'] = 'msi'
                $global:Windows.ExitCode = $code
                $global:DSCMachineStatus = 0
                $wanted = Get-Wanted
                Set-TargetResource @wanted
                $global:DSCMachineStatus | Should -Be 1
                (Get-TargetResource @wanted)['RebootRequired'] | Should -BeTrue
            }
        }
        It 'makes firewall rules of its own when setup left none' {
            $global:Windows.Rules = $false
            $wanted = Get-Wanted
            Set-TargetResource @wanted
            $rules = $global:Windows.Registry[$global:FirewallRules]
            $rules['mimc-MimSync-RpcDynamic'] | Should -BeLike '*LPort=RPC|*miiserver.exe|*'
            $rules['mimc-MimSync-RpcEndpointMapper'] | Should -BeLike '*LPort=RPCEPMap|*svchost.exe|*'
            Test-TargetResource @wanted | Should -BeTrue
        }
        It 'shows no password in any argument' {
            # The engine traces the arguments of advanced functions only, so a copy of the module is made of such.
            $traced = Join-Path -Path $TestDrive -ChildPath 'traced'
            Copy-Item -LiteralPath $module -Destination $traced -Recurse
            foreach ($file in Get-ChildItem -LiteralPath $traced -Recurse -Filter '*.psm1') {
                $text = [System.IO.File]::ReadAllText($file.FullName)
                if ($file.Name -notlike 'MSFT_*') { $text = [regex]::Replace($text, '(?m)^    param\(', '    [CmdletBinding()] param(') }
                [System.IO.File]::WriteAllText($file.FullName, $text)
            }
            Import-Module -Name (Join-Path -Path $traced -ChildPath 'DSCResources/MSFT_MimSyncService/MSFT_MimSyncService.psm1') -Prefix 'Traced'
            $wanted = Get-Wanted
            $trace = Join-Path -Path $TestDrive -ChildPath 'binding.txt'
            Trace-Command -Name ParameterBinding -FilePath $trace -Expression { Set-TracedTargetResource @wanted }
            $text = [System.IO.File]::ReadAllText($trace)
            foreach ($name in 'Set-TracedTargetResource', 'Send-Order', 'Invoke-Setup', 'Export-Key') { $text.Contains("[$name]") | Should -BeTrue -Because $name }
            $text.Contains($Plain) | Should -BeFalse
            $text.Contains($Plain.Replace('"', '""')) | Should -BeFalse
            @($global:Windows.Calls | Where-Object { $_.Contains($Plain) }) | Should -HaveCount 0
        }
    }

    Context 'a refusal before anything is touched' {
        AfterEach { $global:Windows.Order | Should -BeNullOrEmpty }
        It 'of <Name>' -ForEach @(
            @{ Name = 'a licence not accepted'; With = @{ AcceptLicense = $false }; Code = 'License' }
            @{ Name = 'both kinds of account'; With = @{ ManagedServiceAccount = 'contoso\gmsa$' }; Code = 'Account' }
            @{ Name = 'a group that does not resolve'; With = @{ BrowseGroup = 'contoso\nobody' }; Code = 'Unresolved' }
            @{ Name = 'a quote in a group'; With = @{ BrowseGroup = 'contoso\no"body' }; Code = 'Value' }
            @{ Name = 'a line break in a name'; With = @{ DatabaseName = "Sync`nX" }; Code = 'Value' }
            @{ Name = 'properties that are too long'; With = @{ DatabaseName = 'x' * 40000 }; Code = 'Value' }
        ) {
            $wanted = Get-Wanted -With $With
            { Set-TargetResource @wanted } | Should -Throw "MimSync.${Code}: *"
            Get-Changes | Should -HaveCount 0
        }
        It 'of a password that the LCM could not decrypt, or that is empty' {
            foreach ($text in "-----BEGIN CMS-----`nMII`n-----END CMS-----", '') {
                $wanted = Get-Wanted -With @{ ServiceAccount = New-Credential -Text $text }
                { Set-TargetResource @wanted } | Should -Throw 'MimSync.Undecrypted: *'
                Get-Changes | Should -HaveCount 0
            }
        }
        It 'of a node where <Key> is <Value>' -ForEach @(
            @{ Key = 'Administrator'; Value = $false; Code = 'Rights' }
            @{ Key = 'Busy'; Value = $true; Code = 'InstallerBusy' }
            @{ Key = 'SysAdmin'; Value = 0; Code = 'SqlRights' }
            @{ Key = 'DatabaseId'; Value = 7; Code = 'DatabaseExists' }
            @{ Key = 'SqlFailure'; Value = @{ Number = 53; Message = 'network path not found' }; Code = 'Sql' }
            @{ Key = 'Registry'; Value = @{}; Code = 'Prerequisite' }
        ) {
            $global:Windows[$Key] = $Value
            $wanted = Get-Wanted
            { Set-TargetResource @wanted } | Should -Throw "MimSync.${Code}: *"
            Get-Changes | Should -HaveCount 0
        }
        It 'of a policy that makes the installer log passwords' {
            $global:Windows.Registry['SOFTWARE\Policies\Microsoft\Windows\Installer'] = @{ Debug = 7 }
            $wanted = Get-Wanted
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.DebugPolicy: *'
        }
        It 'of a service of another product, and of an entry without its service' {
            $global:Windows.Registry[$Service] = @{ ObjectName = 'LocalSystem' }
            $wanted = Get-Wanted
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.HalfInstalled: *another product*'
            $global:Windows.Registry.Remove($Service)
            $global:Windows.Registry['SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall\X'] = @{ DisplayName = 'Microsoft Identity Manager Synchronization Service'; DisplayVersion = '1' }
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.HalfInstalled: *not its service*'
        }
        It 'of media that are not there, are not signed by Microsoft, or have another hash than the pinned one' {
            $wanted = Get-Wanted -With @{ SourcePath = 'D:\nothing' }
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.Media: *'
            $wanted = Get-Wanted
            foreach ($bad in @('NotSigned', ''), @('Valid', 'CN=Microsoft Corporation, O=Evil, C=US'), @('HashMismatch', 'O=Microsoft Corporation')) {
                $global:Windows.Signature = @{ Status = $bad[0]; Subject = $bad[1] }
                { Set-TargetResource @wanted } | Should -Throw 'MimSync.MediaSignature: *'
            }
            $wanted = Get-Wanted -With @{ MediaSha256 = 'A' * 64 }
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.MediaHash: *'
        }
        It 'of a media folder that is somebody else''s' {
            $global:Windows.Owner = 'C:\ProgramData\mimc\media'
            $wanted = Get-Wanted
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.FolderOwner: *'
        }
        It 'when the installing process is another account' {
            $global:Windows.ChildSid = 'S-1-5-18'
            $wanted = Get-Wanted
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.Installer: *S-1-5-18*'
        }
        It 'when the installing process does not say who it is, with what it says instead' {
            $global:Windows.ChildSid = ''
            $global:Windows.ChildSays = 'mimc:error Cannot add type.'
            $wanted = Get-Wanted
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.Installer: *did not say who it is. Nothing was installed. It said: Cannot add type.'
        }
    }

    Context 'media with a pinned hash' {
        It 'are installed when the copy has it, signature or not' {
            $global:Windows.Signature = @{ Status = 'NotSigned'; Subject = '' }
            $global:Windows.Hash['msi'] = 'a' * 64
            $wanted = Get-Wanted -With @{ MediaSha256 = 'A' * 64 }
            Set-TargetResource @wanted
            Test-TargetResource @wanted | Should -BeTrue
        }
    }

    Context 'a setup that does not end well' {
        It 'says what exit code <Code> means, with the log line of the real reason' -ForEach @(1602, 1603, 1605, 1612, 1618, 1619, 1620, 1624, 1638, 1639, 1234, 2147944003 | ForEach-Object { @{ Code = $_ } }) {
            $global:Windows.ExitCode = "$Code"
            $global:Windows.SetupLog = "start`r`nError 25009.The Setup Wizard cannot configure the specified database.`r`nAction ended 12:01:33: ConfigDB. Return value 3.`r`nlater`r`nAction ended 12:01:34: INSTALL. Return value 3."
            $wanted = Get-Wanted
            { Set-TargetResource @wanted } | Should -Throw "MimSync.SetupFailed: exit code ${Code}: *. Setup log *Error 25009*ConfigDB. Return value 3."
            $global:DSCMachineStatus | Should -Be 0
        }
        It 'tells the reason in <Language>' -ForEach @(
            @{ Language = 'English'; Line = 'Action ended 12:01:33: ConfigDB. Return value 3.' }
            @{ Language = 'German'; Line = 'Aktion beendet um 12:01:33: ConfigDB. Rückgabewert 3.' }
            @{ Language = 'French'; Line = 'Action terminée à 12:01:33 : ConfigDB. Valeur renvoyée : 3.' }
            @{ Language = 'Finnish'; Line = 'Toiminto päättyi klo 12.01.33: ConfigDB. Palautusarvo 3.' }
            @{ Language = 'Japanese'; Line = 'アクション終了 12:01:33: ConfigDB。戻り値 3。' }
        ) {
            $global:Windows.ExitCode = '1603'
            $before = "MSI (s) (08:F4) [12:01:30:123]: Attempt 3.`r`nAction ended 12:01:31: Costs. Return value 1.`r`nAction start 12:01:03: ConfigDB."
            $global:Windows.SetupLog = "$before`r`nError 25009.`r`n$Line`r`nrolling back`r`nmore`r`nyet more`r`nmost"
            $wanted = Get-Wanted
            { Set-TargetResource @wanted } | Should -Throw "*Error 25009. / $Line"
        }
        It 'tells the last lines when no action ended badly' {
            $global:Windows.ExitCode = '1619'
            $global:Windows.SetupLog = "one`r`ntwo`r`nthree`r`nfour`r`nfive"
            $wanted = Get-Wanted
            { Set-TargetResource @wanted } | Should -Throw '*: two / three / four / five'
        }
        It 'tells nothing of a log that may hold the password' {
            $global:Windows.ExitCode = '1603'
            $global:Windows.Scrubbed = $false
            $global:Windows.SetupLog = "CustomActionData: $Plain"
            $global:Windows.ChildSays = 'mimc:error setup.log may hold the password'
            $wanted = Get-Wanted
            $failure = $null
            try { Set-TargetResource @wanted -WarningVariable warned -WarningAction SilentlyContinue } catch { $failure = "$_" }
            $failure | Should -BeLike 'MimSync.SetupFailed: exit code 1603: *is not shown*'
            $failure.Contains($Plain) | Should -BeFalse
            $warned | Should -Be 'It said: setup.log may hold the password'
        }
        It 'is left alone when the time is up' {
            $global:Windows.ExitCode = 'never'
            $wanted = Get-Wanted -With @{ SetupTimeout = 90 }
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.StillRunning: *90 seconds*'
            @($global:Windows.Calls | Where-Object { $_ -like 'Stop-Child*' }) | Should -HaveCount 0
            @($global:Windows.Calls | Where-Object { $_ -match 'Read-ChildLine.*=mimc:exit' -and $_ -match 'TimeoutSeconds=90' }) | Should -HaveCount 1
        }
        It 'waits two hours when no limit is given' {
            $wanted = Get-Wanted
            Set-TargetResource @wanted
            @($global:Windows.Calls | Where-Object { $_ -match 'TimeoutSeconds=7200' }) | Should -HaveCount 1
        }
        It 'ends without an exit code' {
            $global:Windows.ExitCode = ''
            $global:Windows.ChildSays = 'the last word'
            $global:Windows.SetupLog = "SERVICEPASSWORD=$Plain"
            $wanted = Get-Wanted
            $failure = $null
            try { Set-TargetResource @wanted } catch { $failure = "$_" }
            $failure | Should -BeLike 'MimSync.SetupFailed: *without an exit code. It said: the last word The setup log *.log is not shown*'
            $failure.Contains($Plain) | Should -BeFalse
        }
        It 'ends before it takes its orders' {
            $global:Windows.ChildDeaf = $true
            $wanted = Get-Wanted
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.SetupFailed: *without an exit code*There is no setup log*'
        }
        It 'took the local SQL Server instead of the one asked for' {
            $global:Windows.Fallback = $true
            $wanted = Get-Wanted
            { Set-TargetResource @wanted } | Should -Throw "MimSync.SqlFallback: *SqlServer should be 'corpsql.contoso.com' and is ''*"
        }
    }

    Context 'an installed node' {
        BeforeEach { Install-Wanted }
        It 'tells its whole state, and what could not be read' {
            $global:Windows.Row['browse_sid'] = $null
            $wanted = Get-Wanted
            $got = Get-TargetResource @wanted
            $got['SqlServer'] | Should -Be 'corpsql.contoso.com'
            $got['AdministratorsGroup'] | Should -Be 'contoso\MIMSyncAdmins'
            $got['ProductCode'] | Should -Be '{5A7CB0A3-7AA2-4F40-8899-02B83694085F}'
            $got['Unknown'] | Should -Be @('BrowseGroup: browse_sid in mms_server_configuration is NULL')
            $state = $got['State'] | ConvertFrom-Json
            $state.version | Should -Be 1
            $state.properties.InstallDirectory.value | Should -Be 'C:\Program Files\Microsoft Forefront Identity Manager\2010'
            $state.facts.ServiceState | Should -Be 'Running'
            $got['State'] | Should -Match '"KeyBackupTime":"\d{4}-\d\d-\d\dT[^"]+Z"'
        }
        It 'tells read.ps1 the same as Get-TargetResource' {
            $wanted = Get-Wanted
            $wanted['OperatorsGroup'] = 'contoso\nobody'
            $accounts = @('contoso\MIMSync', 'contoso\MIMSyncAdmins', 'contoso\nobody', 'contoso\MIMSyncJoiners', 'contoso\MIMSyncBrowse', 'contoso\MIMSyncPasswordReset')
            $answer = & "$(Get-CopyFolder -Otherwise $TestDrive)/seamless/read.ps1" -Account $accounts -KeyBackupPath 'C:\MIM\keys\miiskeys.bin'
            $answer | Should -BeExactly "{`"version`":1,`"state`":$((Get-TargetResource @wanted)['State'])}"
        }
        It 'has disabled rules enabled, and no new ones made' {
            $rules = $global:Windows.Registry[$global:FirewallRules]
            $rules['{7A}'] = $rules['{7A}'] -replace 'TRUE', 'FALSE'
            $rules['other'] = 'v2.30|Action=Allow|Active=FALSE|Dir=In|App=C:\other.exe|Name=other|'
            $wanted = Get-Wanted
            Test-TargetResource @wanted | Should -BeFalse
            Set-TargetResource @wanted
            Get-Changes | Should -Be @('Set-FirewallRule Name={7A} Enabled=True')
            Test-TargetResource @wanted | Should -BeTrue
        }
        It 'has enabled rules disabled when they are not wanted' {
            $wanted = Get-Wanted -With @{ EnableRpcFirewallRules = $false }
            Set-TargetResource @wanted
            Get-Changes | Should -Be @('Set-FirewallRule Name={7A} Enabled=False')
            Test-TargetResource @wanted | Should -BeTrue
        }
        It 'has its key file exported again when it is <Name>' -ForEach @(
            @{ Name = 'gone'; Text = $null }, @{ Name = 'empty'; Text = '' }, @{ Name = 'another one'; Text = 'other' }
        ) {
            $path = 'C:\MIM\keys\miiskeys.bin'
            $global:Windows.Files.Remove($path)
            if ($null -ne $Text) { $global:Windows.Files[$path] = $Text }
            $wanted = Get-Wanted
            Test-TargetResource @wanted | Should -BeFalse
            Set-TargetResource @wanted
            $global:Windows.Files[$path] | Should -Be 'keys'
            Test-TargetResource @wanted | Should -BeTrue
        }
        It 'keeps its old key file when the key tool does not answer' {
            $path = 'C:\MIM\keys\miiskeys.bin'
            $global:Windows.Files[$path] = 'old'
            $global:Windows.KeyPassword = 'another'
            $wanted = Get-Wanted
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.Key: *is still there. *'
            $global:Windows.Files[$path] | Should -Be 'old'
            @($global:Windows.Calls | Where-Object { $_ -like 'Stop-Child*' }) | Should -HaveCount 1
        }
        It 'has the exit code of a key tool told that does not wait for the password' {
            $global:Windows.Files.Remove('C:\MIM\keys\miiskeys.bin')
            $global:Windows.ToolDeaf = $true
            $wanted = Get-Wanted
            { Set-TargetResource @wanted } | Should -Throw "MimSync.Key: *(exit code '5')*"
        }
        It 'starts no program when the registry does not say where the product is' {
            $global:Windows.Registry["$Service\Parameters"].Remove('Path')
            $global:Windows.Files.Remove('C:\MIM\keys\miiskeys.bin')
            $wanted = Get-Wanted
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.Path: *'
            Get-Changes | Should -HaveCount 0
            $global:Windows.Registry.Remove($global:FirewallRules)
            $wanted = Get-Wanted -Without 'KeyBackupPath'
            { Set-TargetResource @wanted } | Should -Throw 'MimSync.Path: *'
            Get-Changes | Should -HaveCount 0
        }
        It 'has a name that does not resolve as null, and says nothing else of it' {
            $wanted = Get-Wanted -With @{ BrowseGroup = 'contoso\nobody' }
            (Get-TargetResource @wanted)['State'] | Should -BeLike '*"contoso\\nobody":null*'
        }
        It 'takes <Name> for <Where> alike in Get, Test and setup' -ForEach @(
            @{ Name = '127.0.0.1'; Where = 'this machine' }, @{ Name = '::1'; Where = 'this machine' }, @{ Name = '(LOCAL)'; Where = 'this machine' }
            @{ Name = 'corpsync'; Where = 'this machine' }, @{ Name = 'CorpSync.contoso.com'; Where = 'this machine' }, @{ Name = 'corpsql'; Where = 'another' }
        ) {
            $global:Windows.Registry["$Service\Parameters"]['Server'] = $Name
            $global:Windows.NetworkLogon = $true
            $global:Windows.SqlFailure = @{ Number = 18452; Message = 'untrusted domain' }
            $wanted = Get-Wanted -With @{ SqlServer = 'localhost' }
            $state = (Get-TargetResource @wanted)['State'] | ConvertFrom-Json
            [bool] $state.properties.JoinersGroup.PSObject.Properties['notChecked'] | Should -Be ($Where -eq 'another')
            # Every name of this machine is in the desired state of localhost, so Get's text for it is judged alike.
            Test-RemoteSql -Server $Name -Node @{ ComputerName = 'CORPSYNC'; Fqdn = 'corpsync.contoso.com' } | Should -Be ($Where -eq 'another')
            $same = @(Compare-MimSyncState -Desired @{ SqlServer = 'localhost' } -State (ConvertFrom-Json -InputObject (Get-TargetResource @wanted)['State'] -AsHashtable))
            $same[0]['Status'] -eq 'ok' | Should -Be ($Where -ne 'another')
        }
        It 'repairs what it can and then names what it may not set' {
            $global:Windows.Row['operators_sid'] = $global:Windows.Sids['contoso\Other']
            $rules = $global:Windows.Registry[$global:FirewallRules]
            $rules['{7A}'] = $rules['{7A}'] -replace 'TRUE', 'FALSE'
            $wanted = Get-Wanted
            Test-TargetResource @wanted | Should -BeFalse
            { Set-TargetResource @wanted } | Should -Throw "MimSync.CannotSet: OperatorsGroup should be 'contoso\MIMSyncOperators' and is 'contoso\Other' (*"
            Get-Changes | Should -Be @('Set-FirewallRule Name={7A} Enabled=True')
        }
        It 'is neither right nor wrong when SQL cannot be asked' {
            $global:Windows.SqlFailure = @{ Number = 18456; Message = 'Login failed for user contoso\x.' }
            $wanted = Get-Wanted
            { Test-TargetResource @wanted } | Should -Throw 'MimSync.Unknown: AdministratorsGroup: the SQL Server corpsql.contoso.com refused the login*'
            $wanted = Get-Wanted -With @{ EnableRpcFirewallRules = $false }
            Test-TargetResource @wanted | Should -BeFalse
        }
        It 'gives <Number> its own reason' -ForEach @(
            @{ Number = 53; Like = '*cannot connect*' }, @{ Number = 4060; Like = '*has no database*' }
            @{ Number = 229; Like = '*no permission*' }, @{ Number = 208; Like = '*has no table*' }, @{ Number = 18452; Like = '*refused the login*' }
        ) {
            $global:Windows.SqlFailure = @{ Number = $Number; Message = 'text' }
            $wanted = Get-Wanted
            $state = (Get-TargetResource @wanted)['State'] | ConvertFrom-Json
            $state.properties.JoinersGroup.unknown | Should -BeLike $Like
        }
        It 'says when there is no row' {
            $global:Windows.Row = $null
            $wanted = Get-Wanted
            $state = (Get-TargetResource @wanted)['State'] | ConvertFrom-Json
            $state.properties.JoinersGroup.unknown | Should -BeLike '*has no row'
        }
        It 'does not judge the groups without a second hop' {
            $global:Windows.SqlFailure = @{ Number = 18456; Message = "Login failed for user 'NT AUTHORITY\ANONYMOUS LOGON'." }
            $wanted = Get-Wanted
            Test-TargetResource @wanted | Should -BeTrue
            $global:Windows.NetworkLogon = $true
            $global:Windows.SqlFailure = @{ Number = 0; Message = 'Cannot generate SSPI context.' }
            $state = (Get-TargetResource @wanted)['State'] | ConvertFrom-Json
            foreach ($name in 'AdministratorsGroup', 'OperatorsGroup', 'JoinersGroup', 'BrowseGroup', 'PasswordResetGroup') {
                $state.properties.$name.notChecked | Should -BeLike 'no second hop: *'
            }
        }
        It 'has a name that does not resolve as unknown, never as drift' {
            $wanted = Get-Wanted -With @{ BrowseGroup = 'contoso\nobody' }
            { Test-TargetResource @wanted } | Should -Throw 'MimSync.Unknown: BrowseGroup: *cannot resolve*'
        }
    }

    Context 'the property string' {
        It 'of <Value> is <Text>' -ForEach @(
            @{ Value = 'one'; Text = 'P="one"' }, @{ Value = ''; Text = 'P=""' }, @{ Value = 'one two'; Text = 'P="one two"' }
            @{ Value = 'one=two'; Text = 'P="one=two"' }, @{ Value = '"one" two'; Text = 'P="""one"" two"' }
            @{ Value = 'C:\dir\'; Text = 'P="C:\dir\"' }, @{ Value = '$%^&;'; Text = 'P="$%^&;"' }
        ) {
            $writer = New-Object System.IO.StringWriter
            Send-Order -Writer $writer -Line ([ordered]@{ P = $Value }) -Plain
            $writer.ToString().TrimEnd("`r", "`n") | Should -BeExactly $Text
        }
        It 'refuses a name that is no public property' {
            foreach ($name in 'SQLServerStore', 'A B', '1A', 'A="x" B') {
                { Send-Order -Writer ([System.IO.TextWriter]::Null) -Line @{ $name = 'x' } } | Should -Throw 'MimSync.Value: *'
            }
        }
        It 'travels as UTF-8 whatever the code page' {
            $writer = New-Object System.IO.StringWriter
            Send-Order -Writer $writer -Line (New-Credential -Text ([string] [char] 0xE4))
            $writer.ToString().Trim() | Should -BeExactly 'w6Q='
        }
    }
}
