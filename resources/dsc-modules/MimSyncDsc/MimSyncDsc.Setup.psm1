# What Set is made of: the installation on a fresh node, and the repairs of an installed product.
# Never touches Windows but through the seam. Errors begin with MimSync.<Code>: only their text gets through the LCM.
Set-StrictMode -Version Latest
foreach ($part in 'Windows', 'Read', 'Compare', 'Media') {
    Import-Module -Name (Join-Path -Path $PSScriptRoot -ChildPath "MimSyncDsc.$part.psm1")
}

$script:RecordPath = 'SOFTWARE\mimc\MimSyncDsc'
$script:MsiName = 'Synchronization Service.msi'
$script:EndpointMapperRule = 'mimc-MimSync-RpcEndpointMapper'
$script:IdentityTimeoutSeconds = 120
$script:KeyToolTimeoutSeconds = 120
# The last line of a setup log that may be shown: nobody writes it before the password was taken out.
$script:LogEnd = 'mimc: no password is in this log.'

# Windows Installer's exit codes: what each means here, and the next step. Text: a code may be larger than an [int].
$script:SetupFailures = @{
    '1601' = 'the Windows Installer service cannot be reached. Start the service msiserver and try again.'
    '1602' = 'setup was cancelled. Nobody should be able to: see the setup log.'
    '1603' = 'setup failed. Error 25009 there means: no sysadmin right, SQL Server not reachable, SQL client missing, or a database in a wrong state.'
    '1605' = 'Windows Installer does not know the product. Remove what is left of an earlier installation.'
    '1608' = 'setup does not know one of the properties. See the setup log.'
    '1612' = 'the source of an installed version is missing. Put the media back where it was installed from.'
    '1613' = 'this Windows Installer is too old for the package.'
    '1618' = 'another installation is running. Wait until it has ended.'
    '1619' = 'the package cannot be opened. The installing account must be able to read the media folder.'
    '1620' = 'the package is not valid. Copy the media again from the original.'
    '1622' = 'the setup log cannot be written. Look at the log folder.'
    '1624' = 'the transform cannot be applied. TransformPath must have been made for this package.'
    '1625' = 'a system policy forbids this installation. Look at the policies of Windows Installer.'
    '1633' = 'the package is not for this processor. The Synchronization Service needs 64-bit Windows.'
    '1635' = 'the patch cannot be opened.'
    '1636' = 'the patch is not valid.'
    '1638' = 'another version of the product is installed. Remove it, or patch it.'
    '1639' = 'setup did not understand its properties. Please report this as a fault of mimc.'
    '1642' = 'the patch does not fit the installed version.'
}

function Install-MimSync {
    <#
    .SYNOPSIS
    Install the product on a node that does not have it.
    .DESCRIPTION
    Everything that can be checked is checked first. The media are copied to a folder of their own, judged there
    and installed from there. Returns the path of the setup log.
    .PARAMETER Parameter
    The parameters of Set-TargetResource.
    #>
    param([hashtable] $Parameter)
    $order = Get-SetupProperty -Parameter $Parameter
    $password = $Parameter['ServiceAccount']
    # A rehearsal: what the pipe would refuse is refused before anything is touched.
    Send-Order -Writer ([System.IO.TextWriter]::Null) -Line $order, $password
    Assert-Node -Parameter $Parameter -Property $order
    $package = Copy-Media -Parameter $Parameter
    if ($Parameter['TransformPath']) { $order['TRANSFORMS'] = $package -replace '[^\\]+$', 'mimc.mst' }
    Assert-Package -Package $package -Property $order
    $folder = "$(Get-WorkFolder)\log"
    New-LockedFolder -Path $folder
    $log = "$folder\setup-$([System.DateTime]::UtcNow.ToString('yyyyMMdd-HHmmss')).log"
    $timeout = 7200
    if ($Parameter['SetupTimeout']) { $timeout = [int] $Parameter['SetupTimeout'] }
    $code = Invoke-Setup -Package $package -LogPath $log -Property $order -Credential $password -TimeoutSeconds $timeout
    if ($code -in 3010, 1641) {
        Set-RegistryMap -Path "$script:RecordPath\RebootPending" -Value @{ SetupExitCode = $code } -Volatile
        $global:DSCMachineStatus = 1
    } elseif ($code -ne 0) {
        $text = $script:SetupFailures["$code"]
        if (-not $text) { $text = 'setup failed. See the setup log.' }
        throw "MimSync.SetupFailed: exit code ${code}: $text $(Get-LogTail -Path $log)"
    }
    $log
}

function Get-SetupProperty {
    <# .SYNOPSIS
    The properties for setup, from what is desired; the password stays in its credential. #>
    param([hashtable] $Parameter)
    if ($Parameter['AcceptLicense'] -ne $true) { throw 'MimSync.License: AcceptLicense must be true to install. Read the license terms, then say so in the spec.' }
    $credential = $Parameter['ServiceAccount']
    $managed = [string] $Parameter['ManagedServiceAccount']
    if ([bool] $credential -eq [bool] $managed) { throw 'MimSync.Account: exactly one of ServiceAccount and ManagedServiceAccount is needed.' }
    $node = Get-NodeName
    $order = [ordered]@{ ACCEPT_EULA = '1' }
    if ($Parameter['InstallDirectory']) { $order['INSTALLDIR'] = ([string] $Parameter['InstallDirectory']).TrimEnd('\') }
    if (Test-RemoteSql -Server $Parameter['SqlServer'] -Node $node) { $order['STORESERVER'] = [string] $Parameter['SqlServer'] }
    if ($Parameter['SqlInstance'] -and $Parameter['SqlInstance'] -notin 'default', 'MSSQLSERVER') { $order['SQLINSTANCE'] = [string] $Parameter['SqlInstance'] }
    if ($Parameter['DatabaseName']) { $order['SQLDB'] = [string] $Parameter['DatabaseName'] }
    $user = $managed
    if ($credential) { $user = $credential.UserName }
    $domain, $name = Split-Account -Name $user -Node $node
    $order['SERVICEACCOUNT'] = $name
    $order['SERVICEDOMAIN'] = $domain
    if ($credential) { $order['SERVICEPASSWORD'] = $credential }
    $groups = [ordered]@{
        GROUPADMINS = 'AdministratorsGroup'; GROUPOPERATORS = 'OperatorsGroup'; GROUPACCOUNTJOINERS = 'JoinersGroup'
        GROUPBROWSE = 'BrowseGroup'; GROUPPASSWORDSET = 'PasswordResetGroup'
    }
    foreach ($property in $groups.Keys) {
        $group = [string] $Parameter[$groups[$property]]
        if (-not $group) { continue }
        $domain, $name = Split-Account -Name $group -Node $node
        # Setup wants a local group by its bare name.
        $order[$property] = $group
        if ($domain -in $node['ComputerName'], 'BUILTIN') { $order[$property] = $name }
    }
    if ($Parameter['EnableRpcFirewallRules'] -eq $true) { $order['FIREWALL_CONF'] = '1' }
    $order['SQMOPTINSETTING'] = '0'
    $order['ADDLOCAL'] = 'ALL'
    $order['REBOOT'] = 'ReallySuppress'
    foreach ($property in $order.Keys) {
        if ($order[$property] -is [string] -and $order[$property].Contains('"')) { throw "MimSync.Value: the value for $property has a double quote, which no such name can have." }
    }
    $order
}

function Split-Account {
    # Domain and name of DOMAIN\name, .\name, name@domain or name.
    param([string] $Name, [hashtable] $Node)
    if ($Name.Contains('@') -and -not $Name.Contains('\')) {
        $sid = ConvertTo-Sid -Name $Name
        if (-not $sid) { throw "MimSync.Unresolved: the node cannot resolve the name $Name. Check the name, and that the node reaches a domain controller." }
        $Name = ConvertFrom-Sid -Sid $sid
    }
    $domain, $rest = $Name.Split([char[]] '\', 2)
    if (-not $rest) { $rest = $domain; $domain = '.' }
    if ($domain -eq '.') { $domain = $Node['ComputerName'] }
    $domain, $rest
}

function Assert-Node {
    # What would make setup fail late, found early.
    param([hashtable] $Parameter, [System.Collections.IDictionary] $Property)
    if (-not (Test-Administrator)) { throw 'MimSync.Rights: the installing account is no administrator of this node. Add it to the local Administrators, or name another one as runAs.' }
    if (Test-InstallerBusy) { throw 'MimSync.InstallerBusy: another installation is running. Wait until it has ended.' }
    $names = 'ManagedServiceAccount', 'AdministratorsGroup', 'OperatorsGroup', 'JoinersGroup', 'BrowseGroup', 'PasswordResetGroup' |
        ForEach-Object { $Parameter[$_] } | Where-Object { $_ }
    if ($Parameter['ServiceAccount']) { $names = @($names) + $Parameter['ServiceAccount'].UserName }
    $lost = @($names | Where-Object { -not (ConvertTo-Sid -Name $_) })
    if ($lost) { throw "MimSync.Unresolved: the node cannot resolve $($lost -join ', '). Check the names, and that the node reaches a domain controller." }
    if ($Property.Contains('STORESERVER')) {
        $clients = @('SQLNCLI11', 'SQLNCLI10', 'MSOLEDBSQL', 'MSOLEDBSQL19' | Where-Object { $null -ne (Get-RegistryMap -Path "SOFTWARE\Classes\$_") })
        if (-not $clients) { throw 'MimSync.SqlClient: the node has no SQL Server client. Install SQL Server Native Client 11 (MIM 2016 up to SP2) or OLE DB Driver 19 (SP3) first.' }
    }
    $policy = Get-RegistryMap -Path 'SOFTWARE\Policies\Microsoft\Windows\Installer'
    if ($policy -and $policy['Debug'] -band 4) { throw 'MimSync.DebugPolicy: the policy Debug of Windows Installer has bit 4 set, so that it logs passwords. Take that bit away first.' }
    Assert-Database -Property $Property
}

function Assert-Database {
    # The SQL Server answers, the account may create databases, and there is no such database yet.
    param([System.Collections.IDictionary] $Property)
    $database = 'FIMSynchronizationService'
    if ($Property.Contains('SQLDB')) { $database = $Property['SQLDB'] }
    $server = Get-MimSqlServer -Server ([string] $Property['STORESERVER']) -Instance ([string] $Property['SQLINSTANCE'])
    $query = "SELECT DB_ID(@argument) AS id, IS_SRVROLEMEMBER('sysadmin') AS sysadmin"
    $answer = Get-SqlRow -Server $server -Database 'master' -Query $query -Argument $database
    if ($answer.ContainsKey('Number')) {
        $entry = Get-MimSqlReason -Answer $answer -Server $server -Database 'master' -Remote $Property.Contains('STORESERVER')
        throw "MimSync.Sql: $($entry.Values -join ''). Setup runs as the account of runAs: is it set, and may it log in there?"
    }
    if ($answer['Row']['sysadmin'] -ne 1) { throw "MimSync.SqlRights: the installing account is no sysadmin on $server. Setup needs that right." }
    if ($null -ne $answer['Row']['id']) { throw "MimSync.DatabaseExists: $server already has a database $database. This version installs with a new database only: name another one." }
}

function Copy-Media {
    <# .SYNOPSIS
    Copy the media to a folder of Administrators and SYSTEM, judge the copy, and give the path of its package. #>
    param([hashtable] $Parameter)
    $root = ([string] $Parameter['SourcePath']).TrimEnd('\')
    $work = Get-WorkFolder
    $target = "$work\media\MimSync"
    New-LockedFolder -Path $work
    New-LockedFolder -Path "$work\media"
    Remove-Path -Path $target
    $image = $root
    $mounted = $false
    try {
        if ($image -like '*.iso') {
            # Only a local image can be mounted whatever the identity.
            if ($image.StartsWith('\\')) {
                $image = "$work\media\MimSync.iso"
                Copy-File -Source $root -Destination $image
            }
            $root = Mount-Image -Path $image
            $mounted = $true
        }
        $folder = @("$root", "$root\Synchronization Service" | Where-Object { Test-File -Path "$_\$script:MsiName" })
        if (-not $folder) { throw "MimSync.Media: there is no $script:MsiName in $($Parameter['SourcePath']), or the installing account cannot see it." }
        Copy-Folder -Source $folder[0] -Destination $target
    } finally {
        # An error in here would take the place of the one that matters.
        try {
            if ($mounted) { Dismount-Image -Path $image }
            Remove-Path -Path "$work\media\MimSync.iso"
        } catch { Write-Warning -Message "$image could not be taken away: $($_.Exception.Message)" }
    }
    if ($Parameter['TransformPath']) { Copy-File -Source $Parameter['TransformPath'] -Destination "$target\mimc.mst" }
    Assert-Media -Package "$target\$script:MsiName" -Sha256 ([string] $Parameter['MediaSha256'])
    "$target\$script:MsiName"
}

function Assert-Media {
    # The pinned hash when there is one, else a valid signature of Microsoft.
    param([string] $Package, [string] $Sha256)
    if ($Sha256) {
        $actual = (Get-FileFact -Path $Package)['Sha256']
        if ($actual -ne $Sha256) { throw "MimSync.MediaHash: the package has the SHA-256 $actual, not the pinned $Sha256. Nothing was run." }
        return
    }
    $signature = Get-Signature -Path $Package
    if ($signature['Status'] -ne 'Valid' -or $signature['Subject'] -cnotmatch '(^|, )O=Microsoft Corporation(,|$)') {
        throw "MimSync.MediaSignature: the package is not signed by Microsoft (signature $($signature['Status']), signer '$($signature['Subject'])'). Nothing was run. For media that you trust, pin MediaSha256."
    }
}

function Send-Order {
    <#
    .SYNOPSIS
    Write lines into the pipe of a child. The only function in which a password is plain text.
    .DESCRIPTION
    A dictionary becomes a property string in the grammar of Windows Installer: NAME="value", inner quotes doubled,
    one blank between. Lines travel as Base64 of UTF-8, whatever the code page of the pipe.
    .PARAMETER Line
    Text, a dictionary of properties, or a credential, which stands for its password.
    .PARAMETER Plain
    As the text itself, for a program that is not ours.
    #>
    param([System.IO.TextWriter] $Writer, [AllowNull()] [object[]] $Line, [switch] $Plain)
    foreach ($item in $Line) {
        $isProperty = $item -is [System.Collections.IDictionary]
        $values = $item
        if (-not $isProperty) { $values = [ordered]@{ '' = $item } }
        $parts = foreach ($name in $values.Keys) {
            $value = $values[$name]
            if ($value -is [System.Management.Automation.PSCredential]) {
                $value = $value.GetNetworkCredential().Password
                if (-not $value -or $value.StartsWith('-----BEGIN CMS-----')) {
                    throw 'MimSync.Undecrypted: the LCM gave a password that it could not decrypt. Is CertificateID set, and does the node have the private key of that certificate?'
                }
            }
            $value = [string] $value
            if ($value.IndexOfAny([char[]] "`0`r`n") -ge 0) { throw "MimSync.Value: the value for '$name' has a line break or a NUL." }
            if ($isProperty) {
                if ($name -cnotmatch '\A[A-Z_][A-Z0-9_.]*\z') { throw "MimSync.Value: '$name' is no public property." }
                $name + '="' + $value.Replace('"', '""') + '"'
            } else { $value }
        }
        $text = @($parts) -join ' '
        if ($text.Length -gt 32766) { throw 'MimSync.Value: the properties are longer than Windows Installer takes (32766).' }
        if (-not $Plain) { $text = [System.Convert]::ToBase64String([System.Text.Encoding]::UTF8.GetBytes($text)) }
        $Writer.WriteLine($text)
    }
    $Writer.Flush()
}

function Invoke-Setup {
    <# .SYNOPSIS
    Install in a child process and give setup's exit code; an installer is never killed. #>
    param([string] $Package, [string] $LogPath, [System.Collections.IDictionary] $Property, [pscredential] $Credential, [int] $TimeoutSeconds)
    $child = Start-InstallerChild
    $identity = Read-ChildLine -Child $child -Prefix 'mimc:identity ' -TimeoutSeconds $script:IdentityTimeoutSeconds
    $expected = Get-CurrentSid
    if ($identity -ne $expected) {
        $child['Input'].Close()
        $why = "runs as '$identity', not as $expected"
        if (-not $identity) { $why = 'did not say who it is' }
        throw "MimSync.Installer: the installing process $why. Nothing was installed.$(Get-LastWord -Child $child)"
    }
    try { Send-Order -Writer $child['Input'] -Line $Package, $LogPath, $script:LogEnd, $Property, $Credential }
    catch [System.IO.IOException] { Write-Verbose -Message 'the installing process has ended; what it said follows' }
    $code = Read-ChildLine -Child $child -Prefix 'mimc:exit ' -TimeoutSeconds $TimeoutSeconds
    if ($null -eq $code) {
        throw "MimSync.StillRunning: setup has not ended within $TimeoutSeconds seconds. It goes on; look at $LogPath and ask again later."
    }
    $said = Get-LastWord -Child $child
    if ($code -notmatch '\A[0-9]+\z') { throw "MimSync.SetupFailed: the installing process ended without an exit code.$said $(Get-LogTail -Path $LogPath)" }
    if ($said) { Write-Warning -Message $said.Trim() }
    [long] $code
}

function Get-LastWord {
    # What the child said last beside its answers, as a sentence to append.
    param([hashtable] $Child)
    if ($Child['Last']) { " It said: $($Child['Last'] -replace '\Amimc:error ')" }
}

function Get-LogTail {
    # The lines that end where the first action failed: there stands the real reason. Only of a log without password.
    param([string] $Path)
    $lines = @((Get-FileText -Path $Path).Split("`n") | ForEach-Object { $_.Trim() } | Where-Object { $_ })
    if ($lines -and $lines[-1] -cne $script:LogEnd) { return "The setup log $Path is not shown: it may hold the password of the service account. Read it on the node, then remove it." }
    $lines = @($lines | Where-Object { $_ -cne $script:LogEnd })
    if (-not $lines) { return "There is no setup log $Path, or it is empty." }
    $last = $lines.Count - 1
    for ($i = 0; $i -lt $lines.Count; $i++) {
        # An action that ended with 3, in whatever language: a time, and the number as the last word.
        if ($lines[$i] -match '\A(?!MSI \().*\d\d[:.]\d\d.*\b3\W?\z') { $last = $i; break }
    }
    $tail = $lines[[System.Math]::Max(0, $last - 3)..$last] -join ' / '
    if ($tail.Length -gt 2000) { $tail = $tail.Substring($tail.Length - 2000) }
    "Setup log ${Path}: $tail"
}

function Repair-MimSync {
    <#
    .SYNOPSIS
    Put right what Set may put right on an installed product: firewall rules and key backup.
    .PARAMETER Parameter
    The parameters of Set-TargetResource.
    .PARAMETER Verdict
    What differs, from Compare-MimSyncState.
    .PARAMETER State
    The state that was compared.
    #>
    param([hashtable] $Parameter, [object[]] $Verdict, [System.Collections.IDictionary] $State)
    foreach ($item in $Verdict) {
        if ($item['Status'] -ne 'drift') { continue }
        switch ($item['Property']) {
            'EnableRpcFirewallRules' { Repair-Firewall -Enabled $item['Desired'] -InstallPath $State['facts']['InstallPath'] }
            'KeyBackupPath' { Export-Key -Parameter $Parameter -InstallPath $State['facts']['InstallPath'] }
        }
    }
}

function Get-Program {
    # The path of a program of the product.
    param([string] $InstallPath, [string] $Name)
    if (-not $InstallPath) { throw 'MimSync.Path: the registry does not tell where the product is installed (value Path). Repair the installation first.' }
    $InstallPath.TrimEnd('\') + "\Bin\$Name"
}

function Repair-Firewall {
    # Existing rules are switched; when there are none to enable, two are made under names of ours.
    param([bool] $Enabled, [string] $InstallPath)
    $rules = @(Get-MimFirewallRule | Where-Object { $_['Local'] })
    foreach ($rule in $rules) {
        if ($rule['Enabled'] -ne $Enabled) { Set-FirewallRule -Name $rule['Name'] -Enabled $Enabled }
    }
    if (-not $Enabled -or @($rules | Where-Object { $_['Program'] }).Count) { return }
    $program = Get-Program -InstallPath $InstallPath -Name 'miiserver.exe'
    New-FirewallRule -Name 'mimc-MimSync-RpcDynamic' -DisplayName 'MIM Synchronization Service (RPC)' -Program $program -Port 'RPC'
    # The endpoint mapper is not in miiserver.exe: a rule for that program would not open it.
    if (-not @($rules | Where-Object { $_['Name'] -eq $script:EndpointMapperRule })) {
        New-FirewallRule -Name $script:EndpointMapperRule -DisplayName 'MIM Synchronization Service (RPC-EPMAP)' -Program '%SystemRoot%\System32\svchost.exe' -Service 'RpcSs' -Port 'RPCEPMap'
    }
}

function Export-Key {
    <# .SYNOPSIS
    Export the encryption keys and record what was exported. The old file is replaced by a whole new one only. #>
    param([hashtable] $Parameter, [string] $InstallPath)
    $path = [string] $Parameter['KeyBackupPath']
    $tool = Get-Program -InstallPath $InstallPath -Name 'miiskmu.exe'
    $folder = "$(Get-WorkFolder)\keys"
    New-LockedFolder -Path (Get-WorkFolder)
    New-LockedFolder -Path $folder
    $fresh = "$folder\miiskeys.bin"
    Remove-Path -Path $fresh
    $user = [string] $Parameter['ManagedServiceAccount']
    $prompt = ''
    if ($Parameter['ServiceAccount']) {
        $user = $Parameter['ServiceAccount'].UserName
        $prompt = ' *'
    }
    if (-not $user) { throw 'MimSync.Key: the key export needs ServiceAccount or ManagedServiceAccount.' }
    if ($user.Contains('"')) { throw 'MimSync.Value: the name of the service account has a double quote.' }
    try {
        $child = Start-Child -FilePath $tool -Argument "/e `"$fresh`" `"/u:$user`"$prompt /q"
        try {
            if ($prompt) { Send-Order -Writer $child['Input'] -Line $Parameter['ServiceAccount'] -Plain }
            $child['Input'].Close()
        } catch [System.IO.IOException] { Write-Verbose -Message 'miiskmu did not wait for the password; its exit code tells why' }
        $code = Wait-Child -Child $child -TimeoutSeconds $script:KeyToolTimeoutSeconds
        if ($null -eq $code) { Stop-Child -Child $child }
        $file = Get-FileFact -Path $fresh
        if ($null -eq $file -or $file['Length'] -eq 0) {
            throw "MimSync.Key: miiskmu gave no key file (exit code '$code'). Export the keys by hand to $path, as the installing account."
        }
        Copy-LockedFile -Source $fresh -Destination $path
        $copy = Get-FileFact -Path $path
        if ($null -eq $copy -or $copy['Sha256'] -ne $file['Sha256']) { throw "MimSync.Key: $path does not hold what was exported." }
        Set-RegistryMap -Path "$script:RecordPath\KeyBackup" -Value @{ Path = $path; Sha256 = $file['Sha256']; Time = [System.DateTime]::UtcNow.ToString('o') }
    } finally { Remove-Path -Path $fresh }
}

Export-ModuleMember -Function Install-MimSync, Repair-MimSync, Send-Order, Get-LogTail
