# What is checked before the installer starts: what Set refuses, what it advises, and how it says where it is.
# Never touches Windows but through the seam.
Set-StrictMode -Version Latest
foreach ($part in 'Windows', 'Read') {
    Import-Module -Name (Join-Path -Path $PSScriptRoot -ChildPath "MimSyncDsc.$part.psm1")
}
$script:Text = Import-LocalizedData -UICulture 'en-US' -BaseDirectory $PSScriptRoot -FileName 'MimSyncDsc.strings.psd1' -ErrorAction Stop

$script:SecurityToolTimeoutSeconds = 60
$script:DotNetSetup = 'SOFTWARE\Microsoft\NET Framework Setup\NDP'
# 4.6 on the Windows that brings it along; every later version, and 4.6 as an update, has a larger number.
$script:DotNetRelease = 393295

# Policies that should list the service account.
$script:ServicePolicies = 'SeDenyInteractiveLogonRight', 'SeDenyBatchLogonRight', 'SeDenyNetworkLogonRight', 'SeServiceLogonRight'

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
    Assert-Name -Parameter $Parameter
    Assert-Prerequisite -RemoteSql $Property.Contains('STORESERVER')
}

function Assert-Installer {
    <# .SYNOPSIS
    Refuse when Windows Installer would not work for this account now, or would log passwords. #>
    if (-not (Test-Administrator)) { throw $script:Text.NotAdministrator }
    if (Test-InstallerBusy) { throw $script:Text.InstallerBusy }
    if (Get-RegistryMap -Path 'SOFTWARE\mimc\MimSyncDsc\RebootPending') { throw $script:Text.RebootFirst }
    $policy = Get-RegistryMap -Path 'SOFTWARE\Policies\Microsoft\Windows\Installer'
    if ($policy -and $policy['Debug'] -band 4) { throw $script:Text.DebugPolicy }
}

function Assert-Name {
    <# .SYNOPSIS
    Refuse accounts and groups that the node cannot resolve. #>
    param([hashtable] $Parameter)
    $names = @(@($Parameter['ManagedServiceAccount']) + @(Get-GroupName -Parameter $Parameter) | Where-Object { $_ })
    if ($Parameter['ServiceAccount']) { $names += $Parameter['ServiceAccount'].UserName }
    $lost = @($names | Where-Object { -not (ConvertTo-Sid -Name $_) })
    if ($lost) { throw $script:Text.NamesUnresolved -f ($lost -join ', ') }
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
            throw $script:Text.SqlPort -f $name, $Parameter[$name]
        }
    }
}

function Assert-Prerequisite {
    # All that is missing, at once. A local SQL Server brings its client along.
    param([bool] $RemoteSql)
    $missing = @(
        if ($RemoteSql -and -not (Test-SqlClient)) { $script:Text.SqlClient }
        if (-not (Test-VisualCpp)) { $script:Text.VisualCpp }
        $dotNet = Get-RegistryMap -Path "$script:DotNetSetup\v4\Full"
        if (-not $dotNet -or [int] $dotNet['Release'] -lt $script:DotNetRelease) { $script:Text.DotNet }
    )
    if ($missing) { throw $script:Text.PrerequisiteMissing -f ($missing -join ', and ') }
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
        Write-Warning -Message $script:Text.AdviceDotNet35
    }
    $account = "$($Property['SERVICEDOMAIN'])\$($Property['SERVICEACCOUNT'])"
    $groups = $null
    try { $groups = @(Get-GroupSid -UserPrincipalName "$($Property['SERVICEACCOUNT'])@$($Property['SERVICEDOMAIN'])") }
    catch { Write-Verbose -Message ($script:Text.GroupsUnreadable -f $account, $_.Exception.GetBaseException().Message) -Verbose }
    try {
        Write-RightAdvice -Account $account -Group $groups
        if ($groups) { Write-GroupAdvice -Account $account -Group $groups -Name @(Get-GroupName -Parameter $Parameter) }
    } catch { Write-Verbose -Message ($script:Text.RightsNotJudged -f $account, $_.Exception.GetBaseException().Message) -Verbose }
}

function Write-RightAdvice {
    # Which policies should list the account, and do not, neither itself nor one of its groups.
    param([string] $Account, [string[]] $Group)
    $own = @(ConvertTo-Sid -Name $Account) + @($Group)
    $rights = Get-UserRight
    $lacking = @(foreach ($right in $script:ServicePolicies) {
            if (-not @($rights[$right] | Where-Object { $_ -in $own })) { "$($script:Text["Policy$right"]) ($right)" }
        })
    if (-not $lacking) { return }
    $advice = $script:Text.AdviceRights -f $Account, ($lacking -join '; ')
    if (-not $Group) { $advice = $script:Text.AdviceRightsWithoutGroups -f $Account, ($lacking -join '; ') }
    Write-Warning -Message $advice
}

function Write-GroupAdvice {
    # Which groups the account is in and need not be.
    param([string] $Account, [string[]] $Group, [string[]] $Name)
    $in = @(
        if ($Group -contains 'S-1-5-32-544') { $script:Text.LocalAdministrators }
        $Name | Where-Object { (ConvertTo-Sid -Name $_) -in $Group }
    )
    if ($in) { Write-Warning -Message ($script:Text.AdviceGroups -f $Account, ($in -join ', ')) }
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
    if ($text -notmatch '(?m)^\[Privilege Rights\]') { throw $script:Text.RightsUnreadable -f "$code" }
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

Export-ModuleMember -Function Assert-Installer, Assert-Name, Assert-Node, Write-Advice, Write-Step
