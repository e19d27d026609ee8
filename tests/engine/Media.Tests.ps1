# What Set makes of the package that it copied, before anything of it is run; and how the seam reads one.
Describe 'the package of the media' {
    BeforeAll {
        Set-StrictMode -Version Latest
        . (Join-Path -Path $PSScriptRoot -ChildPath 'StandIns.ps1')
        . (Join-Path -Path $PSScriptRoot -ChildPath 'Wanted.ps1')

        function Get-Wanted {
            # A node with all that mimc can send; Managed is one with a group managed service account.
            param([hashtable] $With = @{}, [switch] $Managed)
            $wanted = @{
                IsSingleInstance = 'Yes'; Ensure = 'Present'; SourcePath = '\\corpfs\media\MIM'; AcceptLicense = $true; SqlServer = 'corpsql.contoso.com'
                SqlInstance = 'MIM'; DatabaseName = 'FIMSynchronizationService'; AdministratorsGroup = 'contoso\MIMSyncAdmins'; BrowseGroup = 'contoso\MIMSyncBrowse'
            }
            if ($Managed) { $wanted['ManagedServiceAccount'] = 'contoso\gmsa$' }
            else { $wanted['ServiceAccount'] = New-Credential }
            foreach ($name in $With.Keys) { $wanted[$name] = $With[$name] }
            $wanted
        }
        function Set-PackageValue {
            # $null takes the property away.
            param([hashtable] $Value)
            $kept = @($global:Windows.Package['Property'] | Where-Object { -not $Value.ContainsKey($_['Property']) })
            $changed = @(foreach ($name in $Value.Keys) { if ($null -ne $Value[$name]) { @{ Property = $name; Value = $Value[$name] } } })
            $global:Windows.Package['Property'] = $kept + $changed
        }
        function Assert-NothingRun {
            $global:Windows.Order | Should -BeNullOrEmpty
            @($global:Windows.Calls | Where-Object { $_ -match '^(Read-ChildLine|Start-Child|Set-RegistryMap|New-FirewallRule) ' }) | Should -HaveCount 0
            $global:Windows.Services.Count | Should -Be 0
        }
        $Copied = 'C:\ProgramData\mimc\media\MimSync\Synchronization Service.msi'
        $Mentions = 'ACCEPT_EULA;STORESERVER;SQLINSTANCE;SQLDB;SERVICEACCOUNT;SERVICEDOMAIN;SERVICEPASSWORD;GROUPADMINS;GROUPBROWSE;SQMOPTINSETTING'
    }
    AfterAll { Remove-Command }
    BeforeEach {
        $global:Windows = New-Windows
        $global:Windows.Files['\\corpfs\media\MIM\Synchronization Service.msi'] = 'msi'
        $global:DSCMachineStatus = 0
    }

    It 'is read in the locked folder, and installed from there without a word when it fits' {
        $wanted = Get-Wanted
        @(Set-TargetResource @wanted 3>&1) | Should -HaveCount 0
        $global:Windows.PackageRead | Should -Be $Copied
        $global:Windows.Order.Package | Should -Be $Copied
    }
    It 'is not even read when its signature is wrong' {
        $global:Windows.Signature = @{ Status = 'NotSigned'; Subject = '' }
        $wanted = Get-Wanted
        { Set-TargetResource @wanted } | Should -Throw 'MimSync.MediaSignature: *'
        $global:Windows.PackageRead | Should -BeExactly ''
    }
    It 'that cannot be read is not run' {
        $global:Windows.PackageError = 'MimSync.Media: Windows Installer cannot read the tables (error 1620)'
        $wanted = Get-Wanted
        { Set-TargetResource @wanted } | Should -Throw 'MimSync.Media: *1620*'
        Assert-NothingRun
    }
    It 'is refused and nothing of it is run: <Name>' -ForEach @(
        @{ Name = 'Azure AD Connect'; Value = @{ ProductName = 'Microsoft Azure AD Connect synchronization services' }; Said = '*this is the sync engine of Azure AD Connect*take the one of the folder*' }
        @{ Name = 'Entra Connect'; Value = @{ ProductName = 'Microsoft Entra Connect synchronization services' }; Said = '*this is the sync engine of Azure AD Connect*' }
        @{ Name = 'its upgrade code'; Value = @{ UpgradeCode = '{545334d7-13CD-4BAB-8DA1-2775FA8CF7C2}' }; Said = '*this is the sync engine of Azure AD Connect*' }
        @{ Name = 'FIM 2010'; Value = @{ ProductName = 'Forefront Identity Manager Synchronization Service' }; Said = '*this is FIM 2010*' }
        @{ Name = 'another product'; Value = @{ ProductName = 'Contoso' }; Said = "*ProductName is 'Contoso', not 'Microsoft Identity Manager Synchronization Service'*" }
        @{ Name = 'without a name'; Value = @{ ProductName = $null }; Said = "*ProductName is ''*" }
        @{ Name = 'without a version'; Value = @{ ProductVersion = $null }; Said = "*ProductVersion is '', which is no version*" }
        @{ Name = 'with a version of text'; Value = @{ ProductVersion = '4.6.x' }; Said = "*ProductVersion is '4.6.x', which is no version*" }
        @{ Name = 'with a version of two numbers'; Value = @{ ProductVersion = '4.6' }; Said = "*ProductVersion is '4.6', which is no version*" }
        @{ Name = 'a group that it does not know'; Value = @{ SecureCustomProperties = 'ACCEPT_EULA;STORESERVER;SQLINSTANCE;SQLDB;SERVICEACCOUNT;SERVICEDOMAIN;SERVICEPASSWORD;GROUPADMINS;SQMOPTINSETTING' }; Said = '*setup would ignore GROUPBROWSE (groups.connectorBrowse): no table*' }
    ) {
        Set-PackageValue -Value $Value
        $wanted = Get-Wanted
        $message = ''
        try { Set-TargetResource @wanted } catch { $message = $_.Exception.Message }
        $message | Should -BeLike "MimSync.MediaPackage: $Said"
        $message | Should -BeLike '*Nothing was run. Name the right media as SourcePath;*'
        Assert-NothingRun
    }
    It 'is refused with all the reasons at once' {
        Set-PackageValue -Value @{ ProductVersion = 'x'; SecureCustomProperties = 'ACCEPT_EULA;SQMOPTINSETTING' }
        $wanted = Get-Wanted
        { Set-TargetResource @wanted } | Should -Throw '*ProductVersion is*; setup would ignore SQLINSTANCE*; setup would ignore SERVICEACCOUNT*; setup would ignore GROUPBROWSE*'
        Assert-NothingRun
    }
    It 'older than SP2 is refused for a group managed service account only' {
        Set-PackageValue -Value @{ ProductVersion = '4.4.1302.0' }
        $wanted = Get-Wanted -Managed
        { Set-TargetResource @wanted } | Should -Throw 'MimSync.MediaPackage: a group managed service account installs from 4.6.34.0 (SP2) on, not with 4.4.1302.0.*'
        Assert-NothingRun
        $wanted = Get-Wanted
        @(Set-TargetResource @wanted 3>&1) | Should -HaveCount 0
    }
    It 'need not know what is not sent' {
        Set-PackageValue -Value @{ SecureCustomProperties = $Mentions.Replace(';GROUPBROWSE', '') }
        $wanted = Get-Wanted
        $wanted.Remove('BrowseGroup')
        @(Set-TargetResource @wanted 3>&1) | Should -HaveCount 0
    }
    It 'may mention a property anywhere, as a whole word' -ForEach @(
        @{ Text = '[GROUPBROWSE]'; Known = $true }, @{ Text = "a`nGROUPBROWSE`nb"; Known = $true }, @{ Text = 'x=GROUPBROWSE-1'; Known = $true }
        @{ Text = 'GROUPBROWSER'; Known = $false }, @{ Text = 'myGROUPBROWSE'; Known = $false }, @{ Text = 'groupbrowse'; Known = $false }, @{ Text = 'GROUPBROWSE.x'; Known = $false }
    ) {
        Set-PackageValue -Value @{ SecureCustomProperties = $Mentions.Replace(';GROUPBROWSE', '') }
        $global:Windows.Package['Control'] = @(@{ Dialog_ = 'Groups'; Text = $Text })
        $wanted = Get-Wanted
        if ($Known) { Set-TargetResource @wanted }
        else { { Set-TargetResource @wanted } | Should -Throw 'MimSync.MediaPackage: *GROUPBROWSE*' }
    }
    It 'with a transform may get from there what it does not know' {
        $global:Windows.Files['D:\mim.mst'] = 'mst'
        Set-PackageValue -Value @{ SecureCustomProperties = $Mentions.Replace(';GROUPBROWSE', ''); FIREWALL_CONF = '1' }
        $wanted = Get-Wanted -With @{ TransformPath = 'D:\mim.mst' }
        $warned = @(Set-TargetResource @wanted 3>&1)
        $warned | Should -HaveCount 1
        $warned[0].Message | Should -Be 'The package: setup would ignore GROUPBROWSE (groups.connectorBrowse): no table of the package mentions it, unless the transform brings it'
        $global:Windows.Order.Property['GROUPBROWSE'] | Should -Be 'contoso\MIMSyncBrowse'
    }
    It 'whose hash is pinned may read from within a program what no table mentions' {
        Set-PackageValue -Value @{ SecureCustomProperties = $Mentions.Replace(';GROUPBROWSE', '') }
        $wanted = Get-Wanted -With @{ MediaSha256 = 'sha256 of msi' }
        $warned = @(Set-TargetResource @wanted 3>&1)
        $warned | Should -HaveCount 1
        $warned[0].Message | Should -Be 'The package: setup may ignore GROUPBROWSE (groups.connectorBrowse): no table of the package mentions it, and MediaSha256 says that this package is wanted'
        $global:Windows.Order.Property['GROUPBROWSE'] | Should -Be 'contoso\MIMSyncBrowse'
    }
    It 'of another product stays another product, whatever is pinned' {
        Set-PackageValue -Value @{ ProductName = 'Contoso' }
        $wanted = Get-Wanted -With @{ MediaSha256 = 'sha256 of msi' }
        { Set-TargetResource @wanted } | Should -Throw 'MimSync.MediaPackage: *'
        Assert-NothingRun
    }
    It 'of another product stays another product, whatever the transform' {
        $global:Windows.Files['D:\mim.mst'] = 'mst'
        Set-PackageValue -Value @{ ProductName = 'Microsoft Azure AD Connect synchronization services' }
        $wanted = Get-Wanted -With @{ TransformPath = 'D:\mim.mst' }
        { Set-TargetResource @wanted } | Should -Throw 'MimSync.MediaPackage: *Azure AD Connect*'
        Assert-NothingRun
    }
    It 'is installed with a warning, once: <Name>' -ForEach @(
        @{ Name = 'a password that is not hidden'; Value = @{ MsiHiddenProperties = $null }; Action = @(); Said = '*not in MsiHiddenProperties: SERVICEPASSWORD;*' }
        @{ Name = 'a password that a custom action passes on'; Value = @{}; Action = @(@{ Type = '51'; Source = 'Data'; Target = '[SERVICEPASSWORD]' }, @{ Type = '51'; Source = 'ConfigDB'; Target = 'x;[SERVICEPASSWORD]' }, @{ Type = ''; Source = 'No'; Target = '[SERVICEPASSWORD]' }, @{ Type = '1'; Source = 'a.dll'; Target = '[SERVICEPASSWORD]' }); Said = '*not in MsiHiddenProperties: ConfigDB, Data;*' }
        @{ Name = 'something that need not be known'; Value = @{ SecureCustomProperties = 'STORESERVER;SQLINSTANCE;SQLDB;SERVICEACCOUNT;SERVICEDOMAIN;SERVICEPASSWORD;GROUPADMINS;GROUPBROWSE' }; Action = @(); Said = '*setup will ignore SQMOPTINSETTING (no usage reports to Microsoft)*' }
        @{ Name = 'another language'; Value = @{ ProductLanguage = '1031' }; Action = @(); Said = "*ProductLanguage is '1031';*" }
        @{ Name = 'a default that is not what leaving out means'; Value = @{ FIREWALL_CONF = '1' }; Action = @(); Said = "*the default of FIREWALL_CONF is '1' where mimc expects '0'*" }
        @{ Name = 'such a default that is hidden'; Value = @{ FIREWALL_CONF = '1'; MsiHiddenProperties = 'FIREWALL_CONF; SERVICEPASSWORD' }; Action = @(); Said = "*the default of FIREWALL_CONF is '[*][*][*][*][*][*][*][*]' where*" }
    ) {
        Set-PackageValue -Value $Value
        if ($Action) { $global:Windows.Package['CustomAction'] = $Action }
        $wanted = Get-Wanted
        $warned = @(Set-TargetResource @wanted 3>&1)
        $warned | Should -HaveCount 1
        $warned[0].Message | Should -BeLike $Said
        $global:Windows.Order.Package | Should -Be $Copied
    }
    It 'may have any default for what is sent' {
        Set-PackageValue -Value @{ STORESERVER = 'Other'; SQLDB = 'Other' }
        $wanted = Get-Wanted
        @(Set-TargetResource @wanted 3>&1) | Should -HaveCount 0
    }
    It 'without a password to send need not hide any' {
        Set-PackageValue -Value @{ MsiHiddenProperties = $null }
        $wanted = Get-Wanted -Managed
        @(Set-TargetResource @wanted 3>&1 | Where-Object { "$_" -like 'The package:*' }) | Should -HaveCount 0
    }
    It 'has properties whose names differ in case only' {
        $global:Windows.Package['Property'] += @{ Property = 'PRODUCTNAME'; Value = 'Contoso' }, @{ Property = 'msihiddenproperties'; Value = '' }
        $wanted = Get-Wanted
        @(Set-TargetResource @wanted 3>&1) | Should -HaveCount 0
    }

    Context 'read by the seam' {
        BeforeAll {
            Import-Module -Name "$(Get-CopyFolder -Otherwise $TestDrive)/seam/packages.psm1" -Prefix 'Stood'
        }
        BeforeEach {
            [MimcStandIns.Package]::Error = 0
            [MimcStandIns.Package]::RowError = 0
            [MimcStandIns.Package]::Calls.Clear()
        }
        AfterEach { [MimcStandIns.Package]::Open.Count | Should -Be 0 }
        It 'gives texts of any length, numbers as text, and no streams' {
            $rows = (Get-StoodPackageTable -Path 'D:\a.msi' -Name 'Binary')['Binary']
            $rows | Should -HaveCount 3
            $long = [MimcStandIns.Package]::Long
            foreach ($row in $rows) { (@($row.Keys) | Sort-Object) -join ' ' | Should -BeExactly 'Name Number' }
            $rows[0]['Name'] | Should -BeExactly 'a'
            $rows[0]['Number'] | Should -BeExactly '-5'
            $rows[1]['Name'] | Should -BeExactly $long.Substring(0, 255)
            $rows[1]['Number'] | Should -BeExactly ''
            $rows[2]['Name'] | Should -BeExactly $long.Substring(0, 256)
            $rows[2]['Number'] | Should -BeExactly $long
            [MimcStandIns.Package]::Calls | Should -Be @('open D:\a.msi 0', 'SELECT * FROM `Binary`')
        }
        It 'has no rows of a table that is empty or not there' {
            $tables = Get-StoodPackageTable -Path 'D:\a.msi' -Name 'Empty', 'Missing', 'Binary'
            foreach ($name in 'Empty', 'Missing') { , $tables[$name] | Should -BeOfType [array]; $tables[$name].Count | Should -Be 0 }
            $tables['Binary'] | Should -HaveCount 3
        }
        It 'that cannot be opened is an error with code and next step' {
            [MimcStandIns.Package]::Error = 1620
            { Get-StoodPackageTable -Path 'D:\a.msi' -Name 'Binary' } | Should -Throw 'MimSync.Media: *D:\a.msi (error 1620). Nothing was run. Copy the media again*'
        }
        It 'that is damaged inside is an error, and closed' {
            { Get-StoodPackageTable -Path 'D:\a.msi' -Name 'Broken' } | Should -Throw 'MimSync.Media: *error 1627*'
            [MimcStandIns.Package]::RowError = 6
            { Get-StoodPackageTable -Path 'D:\a.msi' -Name 'Binary' } | Should -Throw 'MimSync.Media: *error 6*'
        }
    }
}
