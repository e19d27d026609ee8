# What Get is made of: builds the state of docs/contract.md from what the seam tells. Changes nothing.
Set-StrictMode -Version Latest
Import-Module -Name (Join-Path -Path $PSScriptRoot -ChildPath 'MimSyncDsc.Windows.psm1')

#region Read
function Read-Property {
    # What the block reads, or the reason why it could not.
    param([scriptblock] $Read)
    try { & $Read } catch { @{ unknown = [string] $_.Exception.GetBaseException().Message } }
}

function Get-MimProduct {
    # The Uninstall entry with exactly this name; SharePoint and others have a service of the same name.
    $below = 'Microsoft\Windows\CurrentVersion\Uninstall'
    foreach ($root in "SOFTWARE\$below", "SOFTWARE\WOW6432Node\$below") {
        foreach ($child in @(Get-RegistryChild -Path $root)) {
            $entry = Get-RegistryMap -Path "$root\$child"
            if ($entry -and $entry['DisplayName'] -ceq 'Microsoft Identity Manager Synchronization Service') {
                $code = $child
                if ([string] $entry['UninstallString'] -match '\{[0-9A-Fa-f-]{36}\}') { $code = $Matches[0] }
                return @{ Code = $code; Version = [string] $entry['DisplayVersion'] }
            }
        }
    }
}

function Get-MimFirewallRule {
    # Inbound allow rules of miiserver.exe, and our own of the endpoint mapper; [MS-GPFAS] has the form.
    $below = 'FirewallPolicy\FirewallRules'
    foreach ($path in "SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\$below", 'SOFTWARE\Policies\Microsoft\WindowsFirewall\FirewallRules') {
        $rules = Get-RegistryMap -Path $path
        if ($null -eq $rules) { continue }
        # Not .Keys: a rule of that name would be meant.
        foreach ($rule in $rules.GetEnumerator()) {
            $name = $rule.Key
            $text = [string] $rule.Value
            $program = $text -match '\|App=[^|]*\\miiserver\.exe\|'
            if (-not $program -and $name -ne 'mimc-MimSync-RpcEndpointMapper') { continue }
            if ($text -notmatch '\|Dir=In\|' -or $text -notmatch '\|Action=Allow\|') { continue }
            @{ Name = $name; Enabled = $text -match '\|Active=TRUE\|'; Program = $program; Local = $path -like 'SYSTEM*' }
        }
    }
}

function Get-MimAccount {
    # A SID as the value of a property.
    param([string] $Sid)
    $name = $null
    try { $name = ConvertFrom-Sid -Sid $Sid } catch { $name = $null }
    if (-not $name) { $name = $Sid }
    [ordered]@{ value = $Sid; display = [string] $name }
}

function Get-MimSqlServer {
    # Server and instance as SQL clients want them.
    param([string] $Server, [string] $Instance)
    if (-not $Server) { $Server = '(local)' }
    if ($Instance) { "$Server\$Instance" } else { $Server }
}

function Test-RemoteSql {
    # Whether a server's name means another machine. Ordinal, as SQL clients compare.
    param([string] $Server, [System.Collections.IDictionary] $Node)
    $local = @('', '.', '(local)', 'localhost', '127.0.0.1', '::1') + @([string] $Node['ComputerName'], [string] $Node['Fqdn']).ToLowerInvariant()
    [array]::IndexOf($local, $Server.ToLowerInvariant()) -lt 0
}

function Get-MimSqlReason {
    # What SQL's refusal means for a reading, as an entry.
    param([hashtable] $Answer, [string] $Server, [string] $Database, [bool] $Remote)
    $text = [string] $Answer['Message']
    $network = $Remote -and (Test-NetworkLogon)
    if ($text -match 'ANONYMOUS' -or ($network -and ($Answer['Number'] -eq 18452 -or $text -match 'SSPI'))) {
        return @{ notChecked = "no second hop: this session has no identity that the SQL Server $Server would accept" }
    }
    $reason = switch ($Answer['Number']) {
        { $_ -in 18456, 18452 } { "the SQL Server $Server refused the login" }
        4060 { "the SQL Server $Server has no database $Database, or it is closed to this login" }
        { $_ -in 229, 230, 297, 916 } { "no permission to read mms_server_configuration in $Database on $Server" }
        208 { "the database $Database on $Server has no table mms_server_configuration" }
        default { "cannot connect to the SQL Server $Server" }
    }
    @{ unknown = "${reason}: $text" }
}

function Add-MimGroup {
    # The five groups, as SIDs from the one row of mms_server_configuration.
    param([System.Collections.IDictionary] $Property, [hashtable] $Node)
    $columns = [ordered]@{
        AdministratorsGroup = 'administrators_sid'; OperatorsGroup = 'operators_sid'; JoinersGroup = 'account_joiners_sid'
        BrowseGroup = 'browse_sid'; PasswordResetGroup = 'passwordset_sid'
    }
    $read = Read-Property {
        $server = [string] $Property['SqlServer']['value']
        $database = [string] $Property['DatabaseName']['value']
        $source = Get-MimSqlServer -Server $server -Instance $Property['SqlInstance']['value']
        $query = "SELECT $(@($columns.Values) -join ', ') FROM dbo.mms_server_configuration"
        $answer = Get-SqlRow -Server $source -Database $database -Query $query
        if ($answer.ContainsKey('Number')) {
            return Get-MimSqlReason -Answer $answer -Server $source -Database $database -Remote (Test-RemoteSql -Server $server -Node $Node)
        }
        if ($answer['Row']) { return $answer }
        @{ unknown = "mms_server_configuration in $database on $source has no row" }
    }
    $row = $read['Row']
    foreach ($name in $columns.Keys) {
        if (-not $row) { $Property[$name] = $read }
        elseif ($row[$columns[$name]]) { $Property[$name] = Get-MimAccount -Sid $row[$columns[$name]] }
        else { $Property[$name] = @{ unknown = "$($columns[$name]) in mms_server_configuration is NULL" } }
    }
}

function Get-MimKeyBackup {
    # The path when the file is as it was exported, else null and the reason in facts.
    param([string] $Path, [System.Collections.IDictionary] $Fact)
    $record = Get-RegistryMap -Path 'SOFTWARE\mimc\MimSyncDsc\KeyBackup'
    if ($record) { $Fact['KeyBackupTime'] = [string] $record['Time'] }
    if (-not $Path) { return }
    $file = Get-FileFact -Path $Path
    $reason = ''
    if ($null -eq $file) { $reason = 'there is no such file' }
    elseif ($file['Length'] -eq 0) { $reason = 'the file is empty' }
    elseif ($record -and $record['Path'] -eq $Path -and $record['Sha256'] -ne $file['Sha256']) {
        $reason = 'the file is not the one that was exported: another SHA-256'
    }
    if (-not $reason) { return @{ value = $Path } }
    $Fact['KeyBackupReason'] = $reason
    @{ value = $null; display = '' }
}

function Get-MimState {
    # The whole state, as in docs/contract.md.
    param([string[]] $Account, [string] $KeyBackupPath)
    $service = 'SYSTEM\CurrentControlSet\Services\FIMSynchronizationService'
    $node = Get-NodeName
    $sids = New-Object System.Collections.Specialized.OrderedDictionary
    foreach ($name in $Account) {
        $sids[$name] = $null
        # Nothing is not $null: Windows PowerShell would write it as {}.
        $sid = $null
        try { $sid = ConvertTo-Sid -Name $name } catch { $sid = $null }
        if ($sid) { $sids[$name] = $sid }
    }
    $aliases = Get-RegistryMap -Path 'SOFTWARE\Microsoft\MSSQLServer\Client\ConnectTo'
    if ($null -eq $aliases) { $aliases = @{} }
    $property = [ordered]@{}
    $fact = [ordered]@{}
    $state = [ordered]@{
        version = 1
        node = [ordered]@{ computerName = $node['ComputerName']; fqdn = $node['Fqdn']; sqlAliases = $aliases }
        sids = $sids; properties = $property; facts = $fact
    }
    $product = Get-MimProduct
    $settings = Get-RegistryMap -Path $service
    if ($null -eq $product -or $null -eq $settings) {
        $property['Ensure'] = @{ value = 'Absent' }
        if ($settings) { $fact['EnsureReason'] = 'the service FIMSynchronizationService is there, but it belongs to another product' }
        if ($product) {
            $property['Ensure'] = @{ value = 'Incomplete' }
            $fact['EnsureReason'] = 'the product has its Uninstall entry, but not its service'
        }
        return $state
    }
    $property['Ensure'] = @{ value = 'Present' }
    $values = Get-RegistryMap -Path "$service\Parameters"
    if ($null -eq $values) { $values = @{} }
    $path = [string] $values['Path']
    $property['InstallDirectory'] = @{ value = $path -replace '\\Synchronization Service\\?$', '' }
    if (-not $path) { $property['InstallDirectory'] = @{ unknown = "the registry has no value Path in $service\Parameters" } }
    $property['SqlServer'] = @{ value = [string] $values['Server'] }
    $property['SqlInstance'] = @{ value = [string] $values['SQLInstance'] }
    $property['DatabaseName'] = @{ value = 'FIMSynchronizationService' }
    if ($values['DBName']) { $property['DatabaseName'] = @{ value = [string] $values['DBName'] } }
    $logon = Read-Property {
        $name = [string] $settings['ObjectName'] -replace '^\.\\', "$($node['ComputerName'])\"
        if ($name -eq 'LocalSystem') { $name = 'NT AUTHORITY\SYSTEM' }
        $sid = ConvertTo-Sid -Name $name
        if ($sid) { [ordered]@{ value = $sid; display = $name } }
        else { @{ unknown = "the service's logon account '$name' does not resolve" } }
    }
    $property['ServiceAccount'] = $logon
    $property['ManagedServiceAccount'] = $logon
    Add-MimGroup -Property $property -Node $node
    $property['EnableRpcFirewallRules'] = Read-Property {
        @{ value = @(Get-MimFirewallRule | Where-Object { $_['Enabled'] -and $_['Program'] }).Count -gt 0 }
    }
    $key = Read-Property { Get-MimKeyBackup -Path $KeyBackupPath -Fact $fact }
    if ($KeyBackupPath) { $property['KeyBackupPath'] = $key }
    $property['MinimumVersion'] = @{ value = $product['Version'] }
    if (-not $product['Version']) { $property['MinimumVersion'] = @{ unknown = 'the Uninstall entry has no DisplayVersion' } }
    $fact['ProductVersion'] = $product['Version']
    $fact['ProductCode'] = $product['Code']
    $fact['InstallPath'] = $path
    $fact['ServiceState'] = [string] (Get-ServiceStatus -Name 'FIMSynchronizationService')
    $property['ServiceRunning'] = @{ value = $fact['ServiceState'] -eq 'Running' }
    $start = @{ '2' = 'Automatic'; '3' = 'Manual'; '4' = 'Disabled' }[[string] $settings['Start']]
    if ($start) { $fact['ServiceStartType'] = $start }
    $open = Get-RegistryMap -Path 'SOFTWARE\mimc\MimSyncDsc\Unfinished'
    $fact['Unfinished'] = ''
    if ($open) { $fact['Unfinished'] = [string] $open['What'] }
    $fact['RebootRequired'] = $null -ne (Get-RegistryMap -Path 'SOFTWARE\mimc\MimSyncDsc\RebootPending')
    $state
}
#endregion Read

Export-ModuleMember -Function Get-MimState, Get-MimFirewallRule, Get-MimSqlServer, Get-MimSqlReason, Test-RemoteSql
