# What Get tells of nodes that are not as they should be: a reading that fails is a reason in the state, never the end of it.
Describe 'the state of an installed node' {
    BeforeAll {
        Set-StrictMode -Version Latest
        . (Join-Path -Path $PSScriptRoot -ChildPath 'StandIns.ps1')
        . (Join-Path -Path $PSScriptRoot -ChildPath 'Wanted.ps1')
        function Get-Tested { Get-MimState -Account 'contoso\MIMSync', 'contoso\nobody' -KeyBackupPath 'C:\MIM\keys\miiskeys.bin' }
        $Uninstall = 'SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall\{5A7CB0A3-7AA2-4F40-8899-02B83694085F}'
    }
    AfterAll { Remove-Command }
    BeforeEach {
        $global:Windows = New-Windows
        $global:Windows.Files['\\corpfs\media\MIM\Synchronization Service.msi'] = 'msi'
        $global:DSCMachineStatus = 0
        Install-Wanted
    }
    It 'has SIDs for names when the domain does not answer, and says why the account is unknown' {
        $global:Windows.Sids = New-Object MimcStandIns.LostDomain
        $state = Get-Tested
        $state['sids']['contoso\MIMSync'] | Should -BeNullOrEmpty
        $state['properties']['ServiceAccount']['unknown'] | Should -BeLike '*the trust relationship failed*'
        $group = $state['properties']['AdministratorsGroup']
        $group['display'] | Should -BeExactly $group['value']
        $group['value'] | Should -BeLike 'S-1-5-21-*'
    }
    It 'has the SID for the name of a group that is gone' {
        $global:Windows.Row['browse_sid'] = 'S-1-5-21-1-2-3-9999'
        (Get-Tested)['properties']['BrowseGroup']['display'] | Should -BeExactly 'S-1-5-21-1-2-3-9999'
    }
    It 'knows the account LocalSystem, and names one that does not resolve' {
        $global:Windows.Sids['NT AUTHORITY\SYSTEM'] = 'S-1-5-18'
        $global:Windows.Registry[$Service]['ObjectName'] = 'LocalSystem'
        (Get-Tested)['properties']['ServiceAccount']['value'] | Should -BeExactly 'S-1-5-18'
        $global:Windows.Registry[$Service]['ObjectName'] = '.\gone'
        (Get-Tested)['properties']['ServiceAccount']['unknown'] | Should -BeExactly "the service's logon account 'CORPSYNC\gone' does not resolve"
    }
    It 'without the key Parameters is that of a local SQL Server, in an unknown folder' {
        $global:Windows.Registry.Remove("$Service\Parameters")
        $property = (Get-Tested)['properties']
        $property['InstallDirectory']['unknown'] | Should -BeLike '*no value Path*'
        $property['SqlServer']['value'] | Should -BeExactly ''
        $property['DatabaseName']['value'] | Should -BeExactly 'FIMSynchronizationService'
    }
    It 'has no version when its Uninstall entry has none' {
        $global:Windows.Registry[$Uninstall].Remove('DisplayVersion')
        (Get-Tested)['properties']['MinimumVersion']['unknown'] | Should -BeExactly 'the Uninstall entry has no DisplayVersion'
    }
}
