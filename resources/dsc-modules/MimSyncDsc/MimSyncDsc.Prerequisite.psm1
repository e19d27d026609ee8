# What is checked before the installer starts: what Set refuses, what it advises, and how it says where it is.
# Never touches Windows but through the seam.
Set-StrictMode -Version Latest
foreach ($part in 'Windows', 'Read') {
    Import-Module -Name (Join-Path -Path $PSScriptRoot -ChildPath "MimSyncDsc.$part.psm1")
}

$script:SecurityToolTimeoutSeconds = 60
$script:DotNetSetup = 'SOFTWARE\Microsoft\NET Framework Setup\NDP'
# 4.6 on the Windows that brings it along; every later version, and 4.6 as an update, has a larger number.
$script:DotNetRelease = 393295

# Pages by their names: addresses change.
$script:SqlClient = "a SQL Server client (for MIM 2016 up to SP2 get SQL Server Native Client 11 from the Microsoft Download Center, page 'Microsoft SQL Server 2012 Native Client - QFE'; for SP3 get OLE DB Driver 19 from Microsoft Learn, page 'Download Microsoft OLE DB Driver for SQL Server')"
$script:VisualCpp = "the Visual C++ runtime for x64, of 2013 or of 2015-2022 (get it from Microsoft Learn, page 'Latest supported Visual C++ Redistributable downloads')"
$script:DotNet = ".NET Framework 4.6 or later (get it from dotnet.microsoft.com, page 'Download .NET Framework')"

# Policies that should list the service account.
$script:ServicePolicies = [ordered]@{
    SeDenyInteractiveLogonRight = 'Deny log on locally'
    SeDenyBatchLogonRight = 'Deny log on as a batch job'
    SeDenyNetworkLogonRight = 'Deny access to this computer from the network, but not when the account is also that of the MIM management agent or of a MIM Service elsewhere'
    SeServiceLogonRight = 'Log on as a service, which setup normally grants and a domain policy may take away'
}
$script:PolicyPlace = 'Computer Configuration > Windows Settings > Security Settings > Local Policies > User Rights Assignment'

function Write-Step {
    <# .SYNOPSIS
    Say what Set does next, in the verbose stream and as progress; Completed takes the progress away. #>
    param([string] $Message, [switch] $Completed)
    $activity = 'MIM Synchronization Service'
    if ($Completed) {
        Write-Progress -Activity $activity -Status 'done' -Completed
        return
    }
    # -Verbose because the preference of who called Set ends at its module. The LCM decides what is shown.
    Write-Verbose -Message $Message -Verbose
    Write-Progress -Activity $activity -Status $Message
}

function Assert-Node {
    <# .SYNOPSIS
    Refuse what would make setup fail late. Changes nothing. #>
    param([hashtable] $Parameter, [System.Collections.IDictionary] $Property)
    Assert-SqlName -Parameter $Parameter
    Assert-Installer
    $names = @(@($Parameter['ManagedServiceAccount']) + @(Get-GroupName -Parameter $Parameter) | Where-Object { $_ })
    if ($Parameter['ServiceAccount']) { $names += $Parameter['ServiceAccount'].UserName }
    $lost = @($names | Where-Object { -not (ConvertTo-Sid -Name $_) })
    if ($lost) { throw "MimSync.Unresolved: the node cannot resolve $($lost -join ', '). Check the names, and that the node reaches a domain controller." }
    Assert-Prerequisite -RemoteSql $Property.Contains('STORESERVER')
}

function Assert-Installer {
    <# .SYNOPSIS
    Refuse when Windows Installer would not work for this account now, or would log passwords. #>
    if (-not (Test-Administrator)) { throw 'MimSync.Rights: the installing account is no administrator of this node. Add it to the local Administrators, or name another one as runAs.' }
    if (Test-InstallerBusy) { throw 'MimSync.InstallerBusy: another installation is running. Wait until it has ended.' }
    $policy = Get-RegistryMap -Path 'SOFTWARE\Policies\Microsoft\Windows\Installer'
    if ($policy -and $policy['Debug'] -band 4) { throw 'MimSync.DebugPolicy: the policy Debug of Windows Installer has bit 4 set, so that it logs passwords. Take that bit away first.' }
}

function Get-GroupName {
    # The groups that the parameters name.
    param([hashtable] $Parameter)
    'AdministratorsGroup', 'OperatorsGroup', 'JoinersGroup', 'BrowseGroup', 'PasswordResetGroup' |
        ForEach-Object { $Parameter[$_] } | Where-Object { $_ }
}

function Assert-SqlName {
    # Setup rolls back on a port. The spec's schema refuses one too, but not every document comes from our compiler.
    param([hashtable] $Parameter)
    foreach ($name in 'SqlServer', 'SqlInstance') {
        if ([string] $Parameter[$name] -match '[\\/,:;]') {
            throw "MimSync.SqlPort: $name '$($Parameter[$name])' is more than a name, and setup rolls back on a port. For a port make a SQL alias on the node (cliconfg.exe, 64-bit) and name it as SqlServer without an instance; else the server is SqlServer and the instance SqlInstance."
        }
    }
}

function Assert-Prerequisite {
    # All that is missing, at once. A local SQL Server brings its client along.
    param([bool] $RemoteSql)
    $missing = @(
        if ($RemoteSql -and -not (Test-SqlClient)) { $script:SqlClient }
        if (-not (Test-VisualCpp)) { $script:VisualCpp }
        $dotNet = Get-RegistryMap -Path "$script:DotNetSetup\v4\Full"
        if (-not $dotNet -or [int] $dotNet['Release'] -lt $script:DotNetRelease) { $script:DotNet }
    )
    if ($missing) { throw "MimSync.Prerequisite: the node lacks $($missing -join ', and '). Install what is missing first." }
}

function Test-SqlClient {
    # Whether a driver that the product can use is registered.
    foreach ($name in 'SQLNCLI11', 'SQLNCLI10', 'MSOLEDBSQL', 'MSOLEDBSQL19') {
        if ($null -ne (Get-RegistryMap -Path "SOFTWARE\Classes\$name")) { return $true }
    }
    $false
}

function Test-VisualCpp {
    # Whether there is an Uninstall entry of the redistributable, which is a 32-bit program, or of the package in it.
    # Official texts disagree about the version that is needed, so each of them will do.
    $below = 'Microsoft\Windows\CurrentVersion\Uninstall'
    foreach ($root in "SOFTWARE\WOW6432Node\$below", "SOFTWARE\$below") {
        foreach ($child in @(Get-RegistryChild -Path $root)) {
            $entry = Get-RegistryMap -Path "$root\$child"
            if ($entry -and [string] $entry['DisplayName'] -match '\AMicrosoft Visual C\+\+ (2013|2015|2017|2019|2022|2015-20\d\d|v14) (Redistributable \(x64\)|x64 Minimum Runtime) - ') { return $true }
        }
    }
    $false
}

function Write-Advice {
    <# .SYNOPSIS
    Warn of what setup does not need and the guides ask for. Refuses nothing; what cannot be read is not judged. #>
    param([hashtable] $Parameter, [System.Collections.IDictionary] $Property)
    $old = Get-RegistryMap -Path "$script:DotNetSetup\v3.5"
    if (-not $old -or [string] $old['Install'] -ne '1') {
        Write-Warning -Message 'Advice: .NET Framework 3.5 is not on this node. The upgrade page of MIM 2016 SP3 asks for it: Install-WindowsFeature NET-Framework-Core.'
    }
    $account = "$($Property['SERVICEDOMAIN'])\$($Property['SERVICEACCOUNT'])"
    $groups = $null
    try { $groups = @(Get-GroupSid -UserPrincipalName "$($Property['SERVICEACCOUNT'])@$($Property['SERVICEDOMAIN'])") }
    catch { Write-Verbose -Message "the groups of $account cannot be read: $($_.Exception.GetBaseException().Message)" -Verbose }
    try {
        Write-RightAdvice -Account $account -Group $groups
        if ($groups) { Write-GroupAdvice -Account $account -Group $groups -Name @(Get-GroupName -Parameter $Parameter) }
    } catch { Write-Verbose -Message "the user rights of $account cannot be judged: $($_.Exception.GetBaseException().Message)" -Verbose }
}

function Write-RightAdvice {
    # Which policies should list the account, and do not, neither itself nor one of its groups.
    param([string] $Account, [string[]] $Group)
    $own = @(ConvertTo-Sid -Name $Account) + @($Group)
    $rights = Get-UserRight
    $lacking = @(foreach ($right in $script:ServicePolicies.Keys) {
            if (-not @($rights[$right] | Where-Object { $_ -in $own })) { "$($script:ServicePolicies[$right]) ($right)" }
        })
    if (-not $lacking) { return }
    $blind = ''
    if (-not $Group) { $blind = ' Its groups could not be read: what they are given does not count here.' }
    Write-Warning -Message "Advice: the service account $Account should be listed in these policies: $($lacking -join '; '). Set them by group policy: $script:PolicyPlace.$blind"
}

function Write-GroupAdvice {
    # Which groups the account is in and need not be.
    param([string] $Account, [string[]] $Group, [string[]] $Name)
    $in = @(
        if ($Group -contains 'S-1-5-32-544') { 'the local Administrators' }
        $Name | Where-Object { (ConvertTo-Sid -Name $_) -in $Group }
    )
    if ($in) { Write-Warning -Message "Advice: the service account $Account is a member of $($in -join ', '), which the service does not need. Take it out." }
}

function Get-UserRight {
    # The SIDs of who has it, by right. A right that nobody has is not there.
    $folder = Get-WorkFolder
    New-LockedFolder -Path $folder
    $file = "$folder\rights.inf"
    Remove-Path -Path $file
    try {
        $child = Start-RightExport -Path $file
        $child['Input'].Close()
        $code = Wait-Child -Child $child -TimeoutSeconds $script:SecurityToolTimeoutSeconds
        if ($null -eq $code) { Stop-Child -Child $child }
        $text = Get-FileText -Path $file
    } finally { Remove-Path -Path $file }
    if ($text -notmatch '(?m)^\[Privilege Rights\]') { throw "secedit wrote no user rights (exit code '$code')" }
    $rights = @{}
    foreach ($line in $text.Split("`n")) {
        # [MS-GPSB] 2.2.6. A SID has a star; where secedit knows a name alone, it writes the name.
        if ($line -notmatch '\A\s*(Se\w+)\s*=(.*)') { continue }
        $right = $Matches[1]
        $rights[$right] = @(foreach ($holder in $Matches[2].Split(',').Trim()) {
                if ($holder.StartsWith('*')) { $holder.Substring(1) } elseif ($holder) { ConvertTo-Sid -Name $holder }
            })
    }
    $rights
}

Export-ModuleMember -Function Assert-Installer, Assert-Node, Write-Advice, Write-Step
