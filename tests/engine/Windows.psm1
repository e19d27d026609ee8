# Stands in for MimSyncDsc.Windows.psm1: the same functions over a Windows that is a hashtable in memory.
Set-StrictMode -Version Latest

function New-Windows {
    # The walkthrough's node before anything is installed.
    $sids = @{}
    $number = 1100
    foreach ($name in 'MIMSync', 'MIMSyncAdmins', 'MIMSyncOperators', 'MIMSyncJoiners', 'MIMSyncBrowse', 'MIMSyncPasswordReset', 'miminstall', 'gmsa$', 'Other') {
        $sids["contoso\$name"] = "S-1-5-21-1-2-3-$number"
        $number++
    }
    @{
        Node = @{ ComputerName = 'CORPSYNC'; Fqdn = 'corpsync.contoso.com' }
        Registry = @{
            'SOFTWARE\Classes\SQLNCLI11' = @{ '' = 'SQL Server Native Client 11.0' }
            'SOFTWARE\WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall\{042d26ef-3dbe-4c25-95d3-4c1b11b235a7}' = @{ DisplayName = 'Microsoft Visual C++ 2013 Redistributable (x64) - 12.0.40664' }
            'SOFTWARE\Microsoft\NET Framework Setup\NDP\v4\Full' = @{ Release = 528049 }
            'SOFTWARE\Microsoft\NET Framework Setup\NDP\v3.5' = @{ Install = 1 }
        }
        # As the guides want it: nothing to advise.
        Rights = "[Unicode]`r`nUnicode=yes`r`n[Privilege Rights]`r`n" + @(foreach ($right in 'SeDenyInteractiveLogonRight', 'SeDenyBatchLogonRight', 'SeDenyNetworkLogonRight', 'SeServiceLogonRight') { "$right = *$($sids['contoso\MIMSync'])`r`n" }) -join ''
        RightsSlow = $false; Groups = @{ 'MIMSync@contoso' = @('S-1-1-0', 'S-1-5-21-1-2-3-513') }
        Sids = $sids; Files = @{}; Folders = @{}; Services = @{}; Calls = New-Object System.Collections.ArrayList
        NetworkLogon = $false; Administrator = $true; Busy = $false
        Sid = $sids['contoso\miminstall']; ChildSid = $sids['contoso\miminstall']
        SqlFailure = $null; SysAdmin = 1; DatabaseId = $null; Row = $null
        Signature = @{ Status = 'Valid'; Subject = 'CN=Microsoft Corporation, O=Microsoft Corporation, L=Redmond, C=US' }
        Hash = @{}; ExitCode = '0'; SetupLog = 'Return value 1'; Fallback = $false; Rules = $true; KeyPassword = 'p"a;ss w$rd'
        Mounted = $null; Letter = $true; DismountFails = $false; Owner = 'ok'; Order = $null
        Package = New-Package; PackageError = ''; PackageRead = ''; ChildDeaf = $false; ChildSays = ''; Scrubbed = $true; ToolDeaf = $false; ToolCode = 0
        Orders = New-Object System.Collections.ArrayList; NoEffect = $false; PatchVersion = '4.6.673.0'; ServiceAfter = 'Running'; Torn = $false; Untuned = $false; BusyAfter = $false; ServiceLater = 'Running'; Startable = $true; Moves = @{}; KeyText = 'keys'
    }
}

function New-Package {
    # What a good package of MIM 2016 SP2 would say, as far as anybody knows: its tables, of which Set asks for all.
    $listed = 'ACCEPT_EULA;STORESERVER;SQLINSTANCE;SQLDB;SERVICEACCOUNT;SERVICEDOMAIN;SERVICEPASSWORD;GROUPADMINS;GROUPOPERATORS;GROUPACCOUNTJOINERS;GROUPBROWSE;GROUPPASSWORDSET;FIREWALL_CONF;SQMOPTINSETTING'
    $values = @{
        ProductName = 'Microsoft Identity Manager Synchronization Service'; ProductVersion = '4.6.34.0'; ProductLanguage = '1033'
        UpgradeCode = '{8C2E6A0D-51B4-4C39-A1C6-0E4D7B9F2A10}'; STORESERVER = 'localhost'; SQLDB = 'FIMSynchronizationService'; FIREWALL_CONF = '0'
        MsiHiddenProperties = 'SERVICEPASSWORD'; SecureCustomProperties = $listed
    }
    @{
        Property = @(foreach ($name in $values.Keys) { @{ Property = $name; Value = $values[$name] } })
        Directory = @(@{ Directory = 'INSTALLDIR'; Directory_Parent = 'TARGETDIR'; DefaultDir = '2010' })
        CustomAction = @(@{ Action = 'SetDirectory'; Type = '51'; Source = 'ROOT'; Target = '[INSTALLDIR]'; ExtendedType = '' })
        LaunchCondition = @(@{ Condition = 'ACCEPT_EULA = "1" OR Installed'; Description = 'ACCEPT_EULA must be 1.' })
    }
}

function Add-Call {
    param([string] $Name, [System.Collections.IDictionary] $Argument)
    $texts = foreach ($key in $Argument.Keys) {
        $value = $Argument[$key]
        if ($value -is [System.Collections.IDictionary]) { $value = @(foreach ($inner in $value.Keys) { "$inner=$($value[$inner])" }) -join ',' }
        "$key=$value"
    }
    [void] $global:Windows.Calls.Add("$Name $(@($texts) -join ' ')")
}

function Get-NodeName { $global:Windows.Node }
function Get-RegistryMap { param([string] $Path) if ($global:Windows.Registry.ContainsKey($Path)) { $global:Windows.Registry[$Path] } }
function Get-RegistryChild {
    param([string] $Path)
    foreach ($key in $global:Windows.Registry.Keys) {
        if ($key.StartsWith("$Path\") -and -not $key.Substring($Path.Length + 1).Contains('\')) { $key.Substring($Path.Length + 1) }
    }
}
# As in the seam: nothing, which is not $null.
function Get-ServiceStatus { param([string] $Name) if ($global:Windows.Services.ContainsKey($Name)) { $global:Windows.Services[$Name] } }
function ConvertTo-Sid { param([string] $Name) if ($global:Windows.Sids.ContainsKey($Name)) { $global:Windows.Sids[$Name] } }
function ConvertFrom-Sid {
    param([string] $Sid)
    # Windows gives DOMAIN\name, whatever else the account is called.
    foreach ($name in $global:Windows.Sids.Keys) { if ($name.Contains('\') -and $global:Windows.Sids[$name] -eq $Sid) { return $name } }
}
function Get-FileFact {
    param([string] $Path)
    if (-not $global:Windows.Files.ContainsKey($Path)) { return }
    $text = $global:Windows.Files[$Path]
    $hash = "sha256 of $text"
    if ($global:Windows.Hash.ContainsKey($text)) { $hash = $global:Windows.Hash[$text] }
    @{ Length = $text.Length; Sha256 = $hash }
}
function Test-NetworkLogon { $global:Windows.NetworkLogon }
function Get-SqlRow {
    param([string] $Server, [string] $Database, [string] $Query, [string] $Argument)
    Add-Call -Name 'Get-SqlRow' -Argument $PSBoundParameters
    if ($global:Windows.SqlFailure) { return $global:Windows.SqlFailure }
    if ($Database -eq 'master') { return @{ Row = @{ id = $global:Windows.DatabaseId; sysadmin = $global:Windows.SysAdmin } } }
    @{ Row = $global:Windows.Row }
}

function Get-CurrentSid { $global:Windows.Sid }
function Test-Administrator { $global:Windows.Administrator }
function Test-InstallerBusy { $global:Windows.Busy -or ($global:Windows.BusyAfter -and $global:Windows.Orders.Count) }
function Set-RegistryMap {
    param([string] $Path, [hashtable] $Value, [switch] $Volatile)
    Add-Call -Name 'Set-RegistryMap' -Argument $PSBoundParameters
    $global:Windows.Registry[$Path] = $Value
}
function Get-WorkFolder { 'C:\ProgramData\mimc' }
function New-LockedFolder {
    param([string] $Path)
    Add-Call -Name 'New-LockedFolder' -Argument $PSBoundParameters
    if ($global:Windows.Owner -eq $Path) { throw "MimSync.FolderOwner: $Path belongs to somebody" }
    $global:Windows.Folders[$Path] = $true
}
function Test-File { param([string] $Path) $global:Windows.Files.ContainsKey($Path) }
function Copy-Folder {
    param([string] $Source, [string] $Destination)
    Add-Call -Name 'Copy-Folder' -Argument $PSBoundParameters
    foreach ($path in @($global:Windows.Files.Keys)) {
        if ($path.StartsWith("$Source\")) { $global:Windows.Files[$Destination + $path.Substring($Source.Length)] = $global:Windows.Files[$path] }
    }
}
function Copy-File {
    param([string] $Source, [string] $Destination)
    Add-Call -Name 'Copy-File' -Argument $PSBoundParameters
    $global:Windows.Files[$Destination] = $global:Windows.Files[$Source]
}
function Remove-Path {
    param([string] $Path)
    Add-Call -Name 'Remove-Path' -Argument $PSBoundParameters
    foreach ($file in @($global:Windows.Files.Keys)) { if ($file -eq $Path -or $file.StartsWith("$Path\")) { $global:Windows.Files.Remove($file) } }
}
function Mount-Image {
    param([string] $Path)
    Add-Call -Name 'Mount-Image' -Argument $PSBoundParameters
    if (-not $global:Windows.Letter) { throw "MimSync.Media: $Path was mounted and got no drive letter" }
    $global:Windows.Mounted = $Path
    $global:Windows.Files['E:\Synchronization Service\Synchronization Service.msi'] = 'msi'
    'E:'
}
function Dismount-Image {
    param([string] $Path)
    Add-Call -Name 'Dismount-Image' -Argument $PSBoundParameters
    if ($global:Windows.Mounted -ne $Path -or $global:Windows.DismountFails) { throw "$Path is not mounted" }
    $global:Windows.Mounted = $null
}
function Get-Signature { param([string] $Path) if ($global:Windows.Files.ContainsKey($Path)) { $global:Windows.Signature } }
function Get-PackageTable {
    param([string] $Path, [string[]] $Name)
    if (-not $global:Windows.Files.ContainsKey($Path)) { throw "MimSync.Media: there is no $Path" }
    $global:Windows.PackageRead = $Path
    if ($global:Windows.PackageError) { throw $global:Windows.PackageError }
    $tables = @{}
    foreach ($table in $Name) {
        $tables[$table] = @($global:Windows.Package[$table])
        if ($table -eq '_Tables') { $tables[$table] = @(foreach ($key in $global:Windows.Package.Keys) { @{ Name = $key } }) }
    }
    $tables
}
function ConvertFrom-PackageRecord { param([uint32] $Record, [object[]] $Field) throw 'only on Windows' }
function Get-FileText { param([string] $Path) [string] $global:Windows.Files[$Path] }
function Copy-LockedFile {
    param([string] $Source, [string] $Destination, [string] $Backup)
    Add-Call -Name 'Copy-LockedFile' -Argument $PSBoundParameters
    if ($global:Windows.Files.ContainsKey($Destination)) { $global:Windows.Files[$Backup] = $global:Windows.Files[$Destination] }
    $global:Windows.Files[$Destination] = $global:Windows.Files[$Source]
    if ($global:Windows.Torn) { $global:Windows.Files[$Destination] = 'half' }
}
function Set-ServiceRunning {
    param([string] $Name, [bool] $Running)
    Add-Call -Name 'Set-ServiceRunning' -Argument $PSBoundParameters
    $global:Windows.Services[$Name] = 'Stopped'
    if ($Running -and -not $global:Windows.Startable) { throw "Service '$Name' cannot be started" }
    if ($Running) { $global:Windows.Services[$Name] = 'Running' }
}
function Wait-ServiceStart {
    param([string] $Name, [int] $TimeoutSeconds)
    if ($global:Windows.Services[$Name] -eq 'StartPending') { $global:Windows.Services[$Name] = $global:Windows.ServiceLater }
    $global:Windows.Services[$Name]
}
function Set-FirewallRule {
    param([string] $Name, [bool] $Enabled)
    Add-Call -Name 'Set-FirewallRule' -Argument $PSBoundParameters
    $rules = $global:Windows.Registry[$global:FirewallRules]
    $rules[$Name] = $rules[$Name] -replace 'Active=\w+', "Active=$("$Enabled".ToUpperInvariant())"
}
function New-FirewallRule {
    param([string] $Name, [string] $DisplayName, [string] $Program, [string] $Service, [string] $Port)
    Add-Call -Name 'New-FirewallRule' -Argument $PSBoundParameters
    if (-not $global:Windows.Registry.ContainsKey($global:FirewallRules)) { $global:Windows.Registry[$global:FirewallRules] = @{} }
    $global:Windows.Registry[$global:FirewallRules][$Name] = "v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=$Port|App=$Program|Name=$DisplayName|"
}
function Start-Child {
    param([string] $FilePath, [string] $Argument)
    Add-Call -Name 'Start-Child' -Argument $PSBoundParameters
    $writer = New-Object System.IO.StringWriter
    if ($global:Windows.ToolDeaf) { $writer = New-Object MimcStandIns.BrokenPipe }
    @{ Input = $writer; Argument = $Argument }
}
function Remove-FirewallRule {
    param([string] $Name)
    Add-Call -Name 'Remove-FirewallRule' -Argument $PSBoundParameters
    $global:Windows.Registry[$global:FirewallRules].Remove($Name)
}
function Get-GroupSid {
    param([string] $UserPrincipalName)
    if (-not $global:Windows.Groups.ContainsKey($UserPrincipalName)) { throw "there is no $UserPrincipalName" }
    $global:Windows.Groups[$UserPrincipalName]
}
function Start-RightExport {
    param([string] $Path)
    Add-Call -Name 'Start-RightExport' -Argument $PSBoundParameters
    $global:Windows.Files[$Path] = $global:Windows.Rights
    @{ Input = New-Object System.IO.StringWriter; Export = $true }
}
function Start-InstallerChild {
    if ($global:Windows.ChildDeaf) { return @{ Input = New-Object MimcStandIns.BrokenPipe } }
    @{ Input = New-Object System.IO.StringWriter }
}
function Read-ChildLine {
    param([hashtable] $Child, [string] $Prefix, [int] $TimeoutSeconds)
    Add-Call -Name 'Read-ChildLine' -Argument @{ Prefix = $Prefix; TimeoutSeconds = $TimeoutSeconds }
    if ($global:Windows.ChildSays) { $Child['Last'] = $global:Windows.ChildSays }
    if ($Prefix -eq 'mimc:identity ') { return $global:Windows.ChildSid }
    if ($global:Windows.ChildDeaf) { return '' }
    $lines = @($Child['Input'].ToString().Split("`n") | ForEach-Object {
            [System.Text.Encoding]::UTF8.GetString([System.Convert]::FromBase64String($_.Trim())) })
    $global:Windows.Order = @{ Action = $lines[0]; Package = $lines[1]; Product = $lines[2]; Log = $lines[3]; Text = $lines[5]; Password = $lines[6]; Last = $lines[7]; Property = @{} }
    [void] $global:Windows.Orders.Add($global:Windows.Order)
    foreach ($match in [regex]::Matches($lines[5], '(?:\A| )([A-Z_][A-Z0-9_.]*)="((?:[^"]|"")*)"')) {
        $global:Windows.Order.Property[$match.Groups[1].Value] = $match.Groups[2].Value.Replace('""', '"')
    }
    $global:Windows.Files[$lines[3]] = $global:Windows.SetupLog
    if ($global:Windows.Scrubbed -and $global:Windows.ExitCode -match '\d') { $global:Windows.Files[$lines[3]] += "`r`n$($lines[4])`r`n" }
    if ($global:Windows.ExitCode -in '0', '3010', '1641' -and -not $global:Windows.NoEffect) {
        switch ($lines[0]) {
            'install' { Install-Product }
            'configure' { Install-Product -Code $lines[2] }
            'patch' { Update-Product -Code $lines[2] }
            'remove' { Uninstall-Product -Code $lines[2] }
        }
    }
    if ($global:Windows.ExitCode -ne 'never') { $global:Windows.ExitCode }
}
function Wait-Child {
    param([hashtable] $Child, [int] $TimeoutSeconds)
    if ($Child['Export']) { return $(if (-not $global:Windows.RightsSlow) { 0 }) }
    if ($global:Windows.ToolDeaf) { return 5 }
    $typed = $Child['Input'].ToString().TrimEnd("`r", "`n")
    $asks = $Child['Argument'] -match '" \* /q\z'
    if ($asks -and $typed -ne $global:Windows.KeyPassword) { return }
    if ($Child['Argument'] -match '/e "([^"]+)"') { $global:Windows.Files[$Matches[1]] = $global:Windows.KeyText }
    $global:Windows.ToolCode
}
function Stop-Child { param([hashtable] $Child) Add-Call -Name 'Stop-Child' -Argument @{} }
function Invoke-InstallerChild { throw 'only on Windows' }

function Install-Product {
    # What setup leaves behind, from the properties that it was given; maintenance mode moves neither folder nor database.
    param([string] $Code)
    $given = $global:Windows.Order.Property
    $service = 'SYSTEM\CurrentControlSet\Services\FIMSynchronizationService'
    $logon = "$($given['SERVICEDOMAIN'])\$($given['SERVICEACCOUNT'])"
    if ($given['SERVICEDOMAIN'] -eq 'CORPSYNC') { $logon = ".\$($given['SERVICEACCOUNT'])" }
    $parent = 'C:\Program Files\Microsoft Forefront Identity Manager\2010'
    if ($given['INSTALLDIR']) { $parent = $given['INSTALLDIR'] }
    $parameters = @{ Path = "$parent\Synchronization Service\" }
    foreach ($pair in @('Server', 'STORESERVER'), @('SQLInstance', 'SQLINSTANCE'), @('DBName', 'SQLDB')) {
        if ($given[$pair[1]] -and -not $global:Windows.Fallback) { $parameters[$pair[0]] = $given[$pair[1]] }
    }
    $global:Windows.Registry[$service] = @{ ObjectName = $logon }
    if ($Code -and $Code -ne $global:ProductCode) { throw "there is no product $Code" }
    foreach ($name in $global:Windows.Moves.Keys) { $global:Windows.Registry["$service\Parameters"][$name] = $global:Windows.Moves[$name] }
    if (-not $Code) {
        $global:Windows.Registry["$service\Parameters"] = $parameters
        $global:Windows.DatabaseId = 5
        $global:Windows.Registry["$global:Uninstall\$global:ProductCode"] = @{
            DisplayName = 'Microsoft Identity Manager Synchronization Service'; DisplayVersion = '4.6.34.0'
            UninstallString = "MsiExec.exe /X$global:ProductCode"
        }
    }
    $global:Windows.Services['FIMSynchronizationService'] = $global:Windows.ServiceAfter
    $row = @{}
    foreach ($pair in @('administrators_sid', 'GROUPADMINS'), @('operators_sid', 'GROUPOPERATORS'), @('account_joiners_sid', 'GROUPACCOUNTJOINERS'), @('browse_sid', 'GROUPBROWSE'), @('passwordset_sid', 'GROUPPASSWORDSET')) {
        $row[$pair[0]] = $global:Windows.Sids[[string] $given[$pair[1]]]
    }
    $global:Windows.Row = $row
    if ($given['FIREWALL_CONF'] -eq '1' -and $global:Windows.Rules) {
        $global:Windows.Registry[$global:FirewallRules] = @{ '{7A}' = "v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|App=$parent\Synchronization Service\Bin\miiserver.exe|Name=sync|" }
    }
}

function Update-Product {
    # What a patch changes. Its own configuration file may take the place of one that was tuned.
    param([string] $Code)
    if ($Code -ne $global:ProductCode) { throw "there is no product $Code" }
    if ($global:Windows.Services['FIMSynchronizationService'] -eq 'Running') { throw 'a file is in use' }
    $global:Windows.Registry["$global:Uninstall\$Code"]['DisplayVersion'] = $global:Windows.PatchVersion
    $global:Windows.Services['FIMSynchronizationService'] = $global:Windows.ServiceAfter
    if ($global:Windows.Untuned) { $global:Windows.Files[$global:Configuration] = 'as delivered' }
}

function Uninstall-Product {
    # What setup takes away; the database stays.
    param([string] $Code)
    if ($Code -ne $global:ProductCode) { throw "there is no product $Code" }
    $service = 'SYSTEM\CurrentControlSet\Services\FIMSynchronizationService'
    foreach ($key in $service, "$service\Parameters", "$global:Uninstall\$Code") { $global:Windows.Registry.Remove($key) }
    $global:Windows.Services.Remove('FIMSynchronizationService')
}

$global:Configuration = 'C:\Program Files\Microsoft Forefront Identity Manager\2010\Synchronization Service\Bin\miiserver.exe.config'
$global:Uninstall = 'SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall'
$global:ProductCode = '{5A7CB0A3-7AA2-4F40-8899-02B83694085F}'
$global:FirewallRules = 'SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\FirewallRules'
Export-ModuleMember -Function *
