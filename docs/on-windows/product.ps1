# The firewall, Windows Installer, and the product when it is installed or its package is at hand. Dot-sourced by on-windows.ps1.

function Get-RuleField {
    # A field of a firewall rule's text in the registry; '' when it has none.
    param([string] $Rule, [string] $Name)
    if ($Rule -match "\|$Name=([^|]*)\|") { $Matches[1] } else { '' }
}

function Test-FirewallFormat {
    $rules = Get-RegistryMap -Path $firewallRules
    $names = @($rules.Keys | Where-Object { $rules[$_] -match '\|App=' } | Sort-Object | Select-Object -First 15)
    $wrong = foreach ($name in $names) {
        $rule = Get-NetFirewallRule -Name $name -PolicyStore 'PersistentStore' -ErrorAction SilentlyContinue
        if (-not $rule) { "$name is no rule"; continue }
        $program = (Get-NetFirewallApplicationFilter -AssociatedNetFirewallRule $rule).Program
        $inbound = $rule.Direction.ToString() -eq 'Inbound'
        $enabled = $rule.Enabled.ToString() -eq 'True'
        if ($inbound -ne ($rules[$name] -match '\|Dir=In\|')) { "${name}: Dir" }
        if ($enabled -ne ($rules[$name] -match '\|Active=TRUE\|')) { "${name}: Active" }
        if (($rule.Action.ToString() -eq 'Allow') -ne ($rules[$name] -match '\|Action=Allow\|')) { "${name}: Action" }
        $written = Get-RuleField -Rule $rules[$name] -Name 'App'
        if ([System.Environment]::ExpandEnvironmentVariables($program) -ne [System.Environment]::ExpandEnvironmentVariables($written)) { "${name}: App" }
    }
    if (-not $names) { return Get-NotPossible -Why 'no rule of a program in the local policy' }
    Get-Finding -Seen "$($names.Count) rules. $(@($wrong) -join '; ')" -Fact ([ordered]@{ 'the registry says what Get-NetFirewallRule says' = -not $wrong })
}

function Test-FirewallOfProduct {
    if ($null -eq (Get-RegistryMap -Path "$service\Parameters")) { return Get-NotPossible -Why 'the Synchronization Service is not installed here' }
    $rules = Get-RegistryMap -Path $firewallRules
    $ours = @($rules.Keys | Where-Object { $rules[$_] -match '\\miiserver\.exe\|' })
    $akin = @($rules.Keys | Where-Object { $_ -notin $ours -and (Get-RuleField -Rule $rules[$_] -Name 'Name') -match 'Identity Manager|Synchronization Service' })
    if (-not $ours -and -not $akin) { return Get-NotPossible -Why 'installed without firewall rules' }
    $seen = foreach ($name in @($ours) + $akin) {
        $fields = foreach ($field in 'Name', 'EmbedCtxt', 'Dir', 'Action', 'Active', 'Protocol', 'LPort', 'Profile', 'Svc') { "$field=$(Get-RuleField -Rule $rules[$name] -Name $field)" }
        "$name $($fields -join ' ')"
    }
    Get-Finding -Seen (@($seen) -join '; ') -Fact ([ordered]@{ 'setup''s rules have miiserver.exe as their program' = $ours.Count -gt 0 -and -not $akin })
}

function Test-ProductEntry {
    $below = 'SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall'
    $entries = @(foreach ($child in @(Get-RegistryChild -Path $below)) {
        $entry = Get-RegistryMap -Path "$below\$child"
        if ($entry -and [string] $entry['DisplayName'] -match 'Identity Manager.*Synchronization') { $entry }
    })
    $settings = Get-RegistryMap -Path "$service\Parameters"
    if (-not $entries -and $null -eq $settings) { return Get-NotPossible -Why 'the Synchronization Service is not installed here' }
    if ($null -eq $settings) { $settings = @{} }
    $seen = foreach ($entry in $entries) { "'$($entry['DisplayName'])' $($entry['DisplayVersion'])" }
    $path = [string] $settings['Path']
    Get-Finding -Seen "$(@($seen) -join '; '); values of Parameters: $(@($settings.Keys | Sort-Object) -join ', '); service $(Get-ServiceStatus -Name 'FIMSynchronizationService')" -Fact ([ordered]@{
            'one entry has the exact name' = @($entries | Where-Object { $_['DisplayName'] -ceq 'Microsoft Identity Manager Synchronization Service' }).Count -eq 1
            'Path ends in its folder' = $path -match '\\Synchronization Service\\?$'
            'miiskmu.exe and miisactivate.exe lie in Bin' = $path -and (Test-File -Path "$($path.TrimEnd('\'))\Bin\miiskmu.exe") -and (Test-File -Path "$($path.TrimEnd('\'))\Bin\miisactivate.exe")
        })
}

function Test-SqlGroup {
    $server = $SqlServer
    $name = $Database
    $settings = Get-RegistryMap -Path "$service\Parameters"
    if (-not $server -and $settings) {
        $server = Get-MimSqlServer -Server ([string] $settings['Server']) -Instance ([string] $settings['SQLInstance'])
        if ($settings['DBName']) { $name = [string] $settings['DBName'] }
    }
    if (-not $server) { return Get-NotPossible -Why 'the Synchronization Service is not installed here: give -SqlServer' }
    $columns = 'administrators_sid', 'operators_sid', 'account_joiners_sid', 'browse_sid', 'passwordset_sid'
    $answer = Get-SqlRow -Server $server -Database $name -Query "SELECT $($columns -join ', ') FROM dbo.mms_server_configuration"
    # The message has names. 207 and 208: no such column, no such table.
    if ($answer.ContainsKey('Number') -and $answer['Number'] -notin 207, 208) { return Get-NotPossible -Why "SQL Server refused with number $($answer['Number'])" }
    $row = $answer['Row']
    Get-Finding -Seen "number $($answer['Number'])" -Fact ([ordered]@{ 'one row has five SIDs' = $row -and @($columns | Where-Object { $row[$_] -match '^S-1-' }).Count -eq 5 })
}

function Test-InstallerExport {
    # The names are looked for in the file: to call them from here a compiler would have to write files.
    $text = [System.Text.Encoding]::GetEncoding(28591).GetString([System.IO.File]::ReadAllBytes("$env:SystemRoot\System32\msi.dll"))
    $fact = [ordered]@{}
    $names = 'MsiSetInternalUI', 'MsiEnableLogW', 'MsiInstallProductW', 'MsiConfigureProductExW', 'MsiApplyPatchW', 'MsiOpenDatabaseW', 'MsiDatabaseOpenViewW',
    'MsiViewExecute', 'MsiViewGetColumnInfo', 'MsiViewFetch', 'MsiRecordGetFieldCount', 'MsiRecordGetStringW', 'MsiCloseHandle'
    foreach ($name in $names) { $fact["msi.dll exports $name"] = $text.Contains("$([char] 0)$name$([char] 0)") }
    Get-Finding -Fact $fact
}

function Get-ComAnswer {
    # A method or a property of a COM object that has no type library at hand.
    param([object] $Object, [string] $Name, [object[]] $With = @(), [string] $Kind = 'InvokeMethod')
    $Object.GetType().InvokeMember($Name, $Kind, $null, $Object, $With)
}

function Test-MediaPackage {
    if (-not $Media) { return Get-NotPossible -Why 'give -Media, the path of Synchronization Service.msi' }
    $file = Get-Item -LiteralPath $Media
    # 0: read-only.
    $database = Get-ComAnswer -Object (New-Object -ComObject WindowsInstaller.Installer) -Name 'OpenDatabase' -With $file.FullName, 0
    $view = Get-ComAnswer -Object $database -Name 'OpenView' -With 'SELECT `Property`, `Value` FROM `Property`'
    [void] (Get-ComAnswer -Object $view -Name 'Execute')
    $property = @{}
    while ($null -ne ($record = Get-ComAnswer -Object $view -Name 'Fetch')) {
        $property[[string] (Get-ComAnswer -Object $record -Name 'StringData' -With 1 -Kind 'GetProperty')] = [string] (Get-ComAnswer -Object $record -Name 'StringData' -With 2 -Kind 'GetProperty')
    }
    $sent = 'ACCEPT_EULA', 'INSTALLDIR', 'STORESERVER', 'SQLINSTANCE', 'SQLDB', 'SERVICEACCOUNT', 'SERVICEDOMAIN', 'SERVICEPASSWORD', 'GROUPADMINS', 'GROUPOPERATORS', 'GROUPACCOUNTJOINERS', 'GROUPBROWSE', 'GROUPPASSWORDSET', 'FIREWALL_CONF', 'SQMOPTINSETTING'
    $secure = @([string] $property['SecureCustomProperties'] -split ';')
    $hidden = @([string] $property['MsiHiddenProperties'] -split ';')
    $signature = Get-Signature -Path $file.FullName
    $seen = @(foreach ($name in 'ProductName', 'ProductVersion', 'ProductCode', 'UpgradeCode', 'ProductLanguage') { "$name=$($property[$name])" }) -join ' '
    $seen += "; signature $($signature['Status']); secure: $($secure -join ' '); hidden: $($hidden -join ' ')"
    $seen += "; sent and in neither table nor list: $(@($sent | Where-Object { -not $property.ContainsKey($_) -and $_ -notin $secure }) -join ' ')"
    Get-Finding -Seen $seen -Fact ([ordered]@{
            'the name is MIM''s' = $property['ProductName'] -ceq 'Microsoft Identity Manager Synchronization Service'
            'the upgrade code is not Azure AD Connect''s' = $property['UpgradeCode'] -ne '{545334D7-13CD-4BAB-8DA1-2775FA8CF7C2}'
        })
}
