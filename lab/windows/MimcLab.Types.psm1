# Types that stand in for those of .NET that only work on Windows, or that only .NET Framework has in full.
# They know no rules: whatever is true of the simulated Windows is asked of the lab, over its socket.
# No name of a type that is replaced below may stand in here as a literal: the engine would remember what it meant.
Set-StrictMode -Version Latest

class LabBridge {
    static hidden [System.IO.StreamReader] $Reader
    static hidden [System.IO.StreamWriter] $Writer

    static hidden [void] Connect() {
        $socket = [System.Net.Sockets.Socket]::new([System.Net.Sockets.AddressFamily]::Unix, [System.Net.Sockets.SocketType]::Stream, [System.Net.Sockets.ProtocolType]::Unspecified)
        $socket.Connect([System.Net.Sockets.UnixDomainSocketEndPoint]::new($env:MIMC_LAB_SOCKET))
        $stream = [System.Net.Sockets.NetworkStream]::new($socket, $true)
        [LabBridge]::Reader = [System.IO.StreamReader]::new($stream)
        [LabBridge]::Writer = [System.IO.StreamWriter]::new($stream)
        [LabBridge]::Writer.AutoFlush = $true
        [LabBridge]::Writer.WriteLine($env:MIMC_LAB_CALLER)
    }

    # What the lab answers, as hashtables, arrays and scalars; a refusal is an answer that has Refused.
    static [object] Ask([string] $Call, [hashtable] $With) {
        if ($null -eq [LabBridge]::Writer) { [LabBridge]::Connect() }
        [LabBridge]::Writer.WriteLine((Microsoft.PowerShell.Utility\ConvertTo-Json -InputObject @{ call = $Call; with = $With } -Depth 6 -Compress))
        $line = [LabBridge]::Reader.ReadLine()
        if ($null -eq $line) { throw 'the lab has been closed' }
        $answer = [LabBridge]::Plain($line)
        if ($answer['failed']) { throw $answer['failed'] }
        return $answer['answer']
    }

    static [object] Plain([string] $Line) {
        return [LabBridge]::Unmarked((Microsoft.PowerShell.Utility\ConvertFrom-Json -InputObject $Line -AsHashtable))
    }

    # Each text is sent with a mark in front: this engine would make a date of one that looks like a date.
    static hidden [object] Unmarked([object] $Value) {
        if ($Value -is [string]) { return $Value.Substring(1) }
        if ($Value -is [System.Collections.IDictionary]) {
            $map = @{}
            foreach ($key in $Value.Keys) { $map[$key] = [LabBridge]::Unmarked($Value[$key]) }
            return $map
        }
        # The comma keeps a list of lists one.
        if ($Value -is [array]) { return [object[]] @(foreach ($item in $Value) { , [LabBridge]::Unmarked($item) }) }
        return $Value
    }
}

# ---- files: C:\ and \\server\share are folders of the lab

class LabPath {
    static [type] $File = [type]::GetType('System.IO.File')
    static [type] $Directory = [type]::GetType('System.IO.Directory')
    static [type] $Names = [type]::GetType('System.IO.Path')

    static [string] Map([string] $Path) {
        $rest = $Path.Replace('\', '/')
        if ($rest -match '\A([A-Za-z]):(.*)\z') { $drive = $Matches[1].ToUpperInvariant(); $rest = $Matches[2] }
        elseif ($rest.StartsWith('//')) { $drive = 'UNC' }
        else { return $rest }
        # As on Windows, .. ends at the root: nothing leads out of the lab.
        $parts = [System.Collections.Generic.List[string]]::new()
        foreach ($part in $rest.Split('/')) {
            if ($part -eq '..') { if ($parts.Count) { $parts.RemoveAt($parts.Count - 1) } }
            elseif ($part -notin '', '.') { $parts.Add($part) }
        }
        return (@($env:MIMC_LAB_DRIVES, $drive) + $parts) -join '/'
    }
    static [string] Unmap([string] $Path) {
        $root = "$env:MIMC_LAB_DRIVES/"
        if (-not $Path.StartsWith($root)) { return $Path }
        $rest = $Path.Substring($root.Length).Replace('/', '\')
        if ($rest.StartsWith('UNC\')) { return '\\' + $rest.Substring(4) }
        return $rest.Substring(0, 1) + ':' + $rest.Substring(1)
    }
    static [string] GetDirectoryName([string] $Path) { $real = [LabPath]::Names; return [LabPath]::Unmap($real::GetDirectoryName([LabPath]::Map($Path))) }
    static [string] GetFullPath([string] $Path) { $real = [LabPath]::Names; return [LabPath]::Unmap($real::GetFullPath([LabPath]::Map($Path))) }
    static [string] GetFileName([string] $Path) { $real = [LabPath]::Names; return $real::GetFileName([LabPath]::Map($Path)) }
}

class LabSecurity {
    [string] $Sddl = ''
    [void] SetSecurityDescriptorSddlForm([string] $Text) { $this.Sddl = $Text }
    [object] GetOwner([type] $Kind) { return [LabSid]::new('S-1-5-32-544') }
}

class LabFile {
    static [bool] Exists([string] $Path) { $io = [LabPath]::File; return $io::Exists([LabPath]::Map($Path)) }
    static [byte[]] ReadAllBytes([string] $Path) { $io = [LabPath]::File; return $io::ReadAllBytes([LabPath]::Map($Path)) }
    static [string] ReadAllText([string] $Path) { $io = [LabPath]::File; return $io::ReadAllText([LabPath]::Map($Path)) }
    static [void] WriteAllText([string] $Path, [string] $Text, [System.Text.Encoding] $Encoding) { $io = [LabPath]::File; $io::WriteAllText([LabPath]::Map($Path), $Text, $Encoding) }
    static [void] Delete([string] $Path) { $io = [LabPath]::File; $io::Delete([LabPath]::Map($Path)) }
    static [void] Move([string] $From, [string] $To) { $io = [LabPath]::File; $io::Move([LabPath]::Map($From), [LabPath]::Map($To)) }
    static [void] Copy([string] $From, [string] $To, [bool] $Over) { $io = [LabPath]::File; $io::Copy([LabPath]::Map($From), [LabPath]::Map($To), $Over) }
    static [void] Replace([string] $From, [string] $To, [string] $Backup) {
        $io = [LabPath]::File
        $io::Move([LabPath]::Map($To), [LabPath]::Map($Backup))
        $io::Move([LabPath]::Map($From), [LabPath]::Map($To))
    }
    static [void] SetAccessControl([string] $Path, [LabSecurity] $Security) { }
    static [object] Create([string] $Path, [int] $Size, [System.IO.FileOptions] $Options, [LabSecurity] $Security) { $io = [LabPath]::File; return $io::Create([LabPath]::Map($Path)) }
}

class LabDirectory {
    static [bool] Exists([string] $Path) { $io = [LabPath]::Directory; return $io::Exists([LabPath]::Map($Path)) }
    static [object] CreateDirectory([string] $Path) { $io = [LabPath]::Directory; return $io::CreateDirectory([LabPath]::Map($Path)) }
    static [object] CreateDirectory([string] $Path, [LabSecurity] $Security) { return [LabDirectory]::CreateDirectory($Path) }
    static [string[]] GetFiles([string] $Path) { return [LabDirectory]::GetFiles($Path, '*', 'TopDirectoryOnly') }
    static [string[]] GetFiles([string] $Path, [string] $Pattern) { return [LabDirectory]::GetFiles($Path, $Pattern, 'TopDirectoryOnly') }
    static [string[]] GetFiles([string] $Path, [string] $Pattern, [System.IO.SearchOption] $Option) {
        $io = [LabPath]::Directory
        return @(foreach ($file in $io::GetFiles([LabPath]::Map($Path), $Pattern, $Option)) { [LabPath]::Unmap($file) })
    }
    static [void] Delete([string] $Path, [bool] $All) { $io = [LabPath]::Directory; $io::Delete([LabPath]::Map($Path), $All) }
    static [void] Move([string] $From, [string] $To) { $io = [LabPath]::Directory; $io::Move([LabPath]::Map($From), [LabPath]::Map($To)) }
}

# ---- registry

class LabRegistryKey {
    hidden [string] $Path
    LabRegistryKey([string] $Path) { $this.Path = $Path }
    static [LabRegistryKey] OpenBaseKey([string] $Hive, [string] $View) {
        if ($Hive -ne 'LocalMachine' -or $View -ne 'Registry64') { throw "the lab has no $Hive in $View" }
        return [LabRegistryKey]::new('')
    }
    hidden [string] Below([string] $Name) { return "$($this.Path)\$Name".TrimStart('\') }
    [LabRegistryKey] OpenSubKey([string] $Name) {
        if ($null -eq [LabBridge]::Ask('registry.values', @{ path = $this.Below($Name) })) { return $null }
        return [LabRegistryKey]::new($this.Below($Name))
    }
    [LabRegistryKey] CreateSubKey([string] $Name) { return $this.CreateSubKey($Name, 'ReadWriteSubTree', 'None') }
    [LabRegistryKey] CreateSubKey([string] $Name, [object] $Check, [object] $Options) {
        [void] [LabBridge]::Ask('registry.write', @{ path = $this.Below($Name); values = @{}; volatile = "$Options" -eq 'Volatile' })
        return [LabRegistryKey]::new($this.Below($Name))
    }
    [void] DeleteSubKeyTree([string] $Name, [bool] $MustExist) { [void] [LabBridge]::Ask('registry.remove', @{ path = $this.Below($Name) }) }
    [string[]] GetValueNames() { return @([LabBridge]::Ask('registry.values', @{ path = $this.Path }).Keys) }
    [string[]] GetSubKeyNames() { return @([LabBridge]::Ask('registry.children', @{ path = $this.Path })) }
    [object] GetValue([string] $Name) { return [LabBridge]::Ask('registry.values', @{ path = $this.Path })[$Name] }
    [void] SetValue([string] $Name, [string] $Value) { [void] [LabBridge]::Ask('registry.write', @{ path = $this.Path; values = @{ $Name = $Value } }) }
    [void] Close() { }
}

# ---- accounts

class LabNotMapped : System.Exception {
    LabNotMapped([string] $Message) : base($Message) { }
}

class LabSid {
    [string] $Value
    LabSid([string] $Text) { $this.Value = $Text }
    LabSid([byte[]] $Bytes, [int] $Offset) {
        # [MS-DTYP] 2.4.2.2: revision, count, authority (six bytes, big endian), that many numbers (little endian).
        $parts = @(for ($i = 0; $i -lt $Bytes[$Offset + 1]; $i++) { [System.BitConverter]::ToUInt32($Bytes, $Offset + 8 + 4 * $i) })
        $this.Value = "S-$($Bytes[$Offset])-$($Bytes[$Offset + 7])-" + ($parts -join '-')
    }
    [object] Translate([type] $Kind) {
        $name = [LabBridge]::Ask('account.name', @{ sid = $this.Value })
        if (-not $name) { throw [LabNotMapped]::new('Some or all identity references could not be translated.') }
        return [LabAccount]::new($name)
    }
}

class LabAccount {
    [string] $Value
    LabAccount([string] $Name) { $this.Value = $Name }
    [object] Translate([type] $Kind) {
        $sid = [LabBridge]::Ask('account.sid', @{ name = $this.Value })
        if (-not $sid) { throw [LabNotMapped]::new('Some or all identity references could not be translated.') }
        return [LabSid]::new($sid)
    }
}

class LabIdentity {
    [LabSid] $User
    [LabSid[]] $Groups
    LabIdentity() { }
    LabIdentity([string] $UserPrincipalName) { $this.Groups = @(foreach ($sid in [LabBridge]::Ask('account.groups', @{ name = $UserPrincipalName })) { [LabSid]::new($sid) }) }
    [void] Dispose() { }
    static [LabIdentity] GetCurrent() {
        $answer = [LabBridge]::Ask('identity', @{})
        $identity = [LabIdentity]::new()
        $identity.User = [LabSid]::new($answer['sid'])
        $identity.Groups = @(foreach ($sid in $answer['groups']) { [LabSid]::new($sid) })
        return $identity
    }
}

class LabPrincipal {
    LabPrincipal([object] $Identity) { }
    [bool] IsInRole([object] $Role) { return $true }
}

# ---- machine

class LabNetwork {
    [string] $HostName
    [string] $DomainName
    static [LabNetwork] GetIPGlobalProperties() {
        $answer = [LabBridge]::Ask('network', @{})
        return [LabNetwork] @{ HostName = $answer['host']; DomainName = $answer['domain'] }
    }
}

class LabCertificateStore {
    [object[]] $Certificates = @()
    LabCertificateStore([string] $Name, [string] $Location) { }
    [void] Open([string] $Mode) {
        $this.Certificates = @(foreach ($item in @([LabBridge]::Ask('certificates', @{}))) {
            $expires = [System.DateTime]::Parse($item['notAfter'], [System.Globalization.CultureInfo]::InvariantCulture, [System.Globalization.DateTimeStyles]::AdjustToUniversal)
            [pscustomobject] @{ Thumbprint = $item['thumbprint']; HasPrivateKey = $item['hasPrivateKey']; NotAfter = $expires.ToLocalTime() }
        })
    }
    [void] Close() { }
}

class LabMutex : System.IDisposable {
    static [LabMutex] OpenExisting([string] $Name) {
        if ($Name -ne 'Global\_MSIExecute' -or -not [LabBridge]::Ask('installer.busy', @{})) { throw [System.Threading.WaitHandleCannotBeOpenedException]::new() }
        return [LabMutex]::new()
    }
    [void] Dispose() { }
}

# ---- SQL Server

class LabSqlException : System.Exception {
    [int] $Number
    LabSqlException([string] $Message, [int] $Number) : base($Message) { $this.Number = $Number }
}

class LabSqlParameters {
    [hashtable] $Values = @{}
    [object] AddWithValue([string] $Name, [object] $Value) { $this.Values[$Name] = $Value; return $null }
}

class LabSqlReader {
    hidden [object[]] $Columns
    hidden [bool] $Ended
    [int] $FieldCount
    LabSqlReader([object[]] $Columns) { $this.Columns = $Columns; $this.FieldCount = $Columns.Count }
    [bool] Read() {
        if ($this.Ended) { return $false }
        $this.Ended = $true
        return $this.FieldCount -gt 0
    }
    [string] GetName([int] $At) { return $this.Columns[$At]['name'] }
    [object] GetValue([int] $At) {
        $column = $this.Columns[$At]
        if ($column['kind'] -eq 'binary') { return [System.Convert]::FromBase64String($column['value']) }
        if ($null -eq $column['value']) { return [System.DBNull]::Value }
        return $column['value']
    }
}

class LabSqlCommand {
    [string] $CommandText
    [LabSqlParameters] $Parameters = [LabSqlParameters]::new()
    hidden [hashtable] $Source
    LabSqlCommand([hashtable] $Source) { $this.Source = $Source }
    [LabSqlReader] ExecuteReader() {
        return [LabSqlReader]::new(@([LabSqlConnection]::Asked('sql.query', $this.Source + @{ query = $this.CommandText; argument = [string] $this.Parameters.Values['@argument'] })))
    }
}

class LabSqlConnection : System.IDisposable {
    hidden [hashtable] $Source
    LabSqlConnection([string] $Text) {
        $parsed = [System.Data.Common.DbConnectionStringBuilder]::new()
        $parsed.set_ConnectionString($Text)
        $this.Source = @{ server = [string] $parsed['Data Source']; database = [string] $parsed['Initial Catalog'] }
    }
    static [object] Asked([string] $Call, [hashtable] $With) {
        $answer = [LabBridge]::Ask($Call, $With)
        if ($answer -is [hashtable] -and $answer['number']) { throw [LabSqlException]::new($answer['message'], $answer['number']) }
        return $answer
    }
    [void] Open() { [void] [LabSqlConnection]::Asked('sql.open', $this.Source) }
    [LabSqlCommand] CreateCommand() { return [LabSqlCommand]::new($this.Source) }
    [void] Dispose() { }
}

# ---- programs: the installing process is a real one, the tools for the keys and secedit are played

class LabKeyTool {
    [System.IO.StringWriter] $StandardInput = [System.IO.StringWriter]::new()
    [System.IO.StringReader] $StandardOutput = [System.IO.StringReader]::new('')
    [int] $ExitCode = 0
    hidden [string] $Program
    hidden [string] $Arguments
    LabKeyTool([string] $Program, [string] $Arguments) { $this.Program = $Program; $this.Arguments = $Arguments }
    [bool] WaitForExit([int] $Milliseconds) {
        $asks = $this.Arguments -match '" \* /q\z'
        $typed = $this.StandardInput.ToString().Trim().Length -gt 0
        $io = [LabPath]::File
        if ($this.Program -like '*\miisactivate.exe') {
            $this.ExitCode = 1
            if ($this.Arguments -notmatch '\A"([^"]+)" "[^"]+"' -or $asks -ne $typed) { return $true }
            $keys = [System.Convert]::ToBase64String($io::ReadAllBytes([LabPath]::Map($Matches[1])))
            $this.ExitCode = [LabBridge]::Ask('activate', @{ program = $this.Program; keys = $keys })
            return $true
        }
        $answer = [LabBridge]::Ask('keys', @{ program = $this.Program })
        if ($this.Arguments -notmatch '\A/e "([^"]+)"' -or $null -eq $answer -or $asks -ne $typed) { $this.ExitCode = 1; return $true }
        $io::WriteAllBytes([LabPath]::Map($Matches[1]), [System.Convert]::FromBase64String($answer))
        return $true
    }
    [void] Kill() { }
}

class LabSecurityTool {
    [System.IO.StringWriter] $StandardInput = [System.IO.StringWriter]::new()
    [System.IO.StringReader] $StandardOutput = [System.IO.StringReader]::new('')
    [int] $ExitCode = 0
    hidden [string] $Arguments
    LabSecurityTool([string] $Arguments) { $this.Arguments = $Arguments }
    [bool] WaitForExit([int] $Milliseconds) {
        if ($this.Arguments -notmatch '\A/export /areas USER_RIGHTS /cfg "([^"]+)" /quiet\z') { $this.ExitCode = 1; return $true }
        $io = [LabPath]::File
        $io::WriteAllText([LabPath]::Map($Matches[1]), [LabBridge]::Ask('rights', @{}), [System.Text.Encoding]::Unicode)
        return $true
    }
}

class LabProcess {
    static [object] Start([System.Diagnostics.ProcessStartInfo] $Start) {
        if ($Start.FileName -like '*\miiskmu.exe' -or $Start.FileName -like '*\miisactivate.exe') { return [LabKeyTool]::new($Start.FileName, $Start.Arguments) }
        if ($Start.FileName -like '*\System32\secedit.exe') { return [LabSecurityTool]::new($Start.Arguments) }
        if ($Start.FileName -notlike '*\powershell.exe' -or $Start.Arguments -notmatch '\A(.*) -File "([^"]+)"\z') { throw [System.ComponentModel.Win32Exception]::new(2) }
        $Start.FileName = $env:MIMC_LAB_PWSH
        $names = [LabPath]::Names
        $child = $names::Combine($names::GetDirectoryName($env:MIMC_LAB_MODULE), 'Child.ps1')
        $Start.Arguments = "$($Matches[1]) -File `"$child`" `"$([LabPath]::Map($Matches[2]))`""
        $real = [type]::GetType('System.Diagnostics.Process, System.Diagnostics.Process')
        return $real::Start($Start)
    }
}

# What Add-Type makes of msi.dll's declarations (Invoke-InstallerChild).
class LabInstaller {
    static hidden [string] $Log
    static [uint32] MsiSetInternalUI([uint32] $Level, [System.IntPtr] $Window) { return 0 }
    static [uint32] MsiEnableLogW([uint32] $Mode, [string] $File, [uint32] $Attributes) { if ($File) { [LabInstaller]::Log = $File }; return 0 }
    static [uint32] MsiInstallProductW([string] $Package, [string] $Properties) { return [LabInstaller]::Act('install', '', $Properties) }
    static [uint32] MsiConfigureProductExW([string] $Product, [int] $Level, [int] $State, [string] $Properties) {
        $action = @{ 2 = 'remove'; 5 = 'configure' }[$State]
        return [LabInstaller]::Act($action, $Product, $Properties)
    }
    static [uint32] MsiApplyPatchW([string] $Patch, [string] $Package, [int] $Kind, [string] $Properties) { return [LabInstaller]::Act('patch', $Package, $Properties) }
    static hidden [uint32] Act([string] $Action, [string] $Product, [string] $Properties) {
        [System.Threading.Thread]::Sleep(1000 * [LabBridge]::Ask('setup.seconds', @{}))
        $told = $Properties -replace '(SERVICEPASSWORD=)"(?:[^"]|"")*"', '$1"told to nobody"'
        $answer = [LabBridge]::Ask('setup', @{ action = $Action; product = $Product; properties = $told })
        # A log may hold the command line, and so the password: Windows Installer hides it, others do not.
        $io = [LabPath]::File
        $io::WriteAllText([LabPath]::Map([LabInstaller]::Log), ((@("Command Line: $Properties") + $answer['log']) -join "`r`n") + "`r`n", [System.Text.Encoding]::Unicode)
        return $answer['code']
    }
}

# What Add-Type makes of msi.dll's declarations (Get-PackageTable): a handle is the place of what it stands for.
class LabPackage {
    static hidden [System.Collections.Generic.List[object]] $Open = [System.Collections.Generic.List[object]]::new()
    static hidden [uint32] Handle([object] $What) { [LabPackage]::Open.Add($What); return [LabPackage]::Open.Count }
    static [uint32] MsiOpenDatabaseW([string] $Path, [System.IntPtr] $Mode, [ref] $Database) {
        $tables = [LabBridge]::Ask('package', @{ path = $Path })
        if ($null -eq $tables) { return 1620 }
        $Database.Value = [LabPackage]::Handle($tables)
        return 0
    }
    static [uint32] MsiDatabaseOpenViewW([uint32] $Database, [string] $Query, [ref] $View) {
        $tables = [LabPackage]::Open[$Database - 1]
        if ($Query -notmatch '\ASELECT \* FROM `(\w+)`\z' -or -not $tables.ContainsKey($Matches[1])) { return 1615 }
        $View.Value = [LabPackage]::Handle(@{ Table = $tables[$Matches[1]]; At = 0 })
        return 0
    }
    static [uint32] MsiViewExecute([uint32] $View, [uint32] $Record) { return 0 }
    static [uint32] MsiViewGetColumnInfo([uint32] $View, [int] $Kind, [ref] $Record) {
        $Record.Value = [LabPackage]::Handle([LabPackage]::Open[$View - 1]['Table'][@('columns', 'kinds')[$Kind]])
        return 0
    }
    static [uint32] MsiViewFetch([uint32] $View, [ref] $Record) {
        $at = [LabPackage]::Open[$View - 1]
        if ($at['At'] -ge $at['Table']['rows'].Count) { return 259 }
        $Record.Value = [LabPackage]::Handle($at['Table']['rows'][$at['At']])
        $at['At']++
        return 0
    }
    static [uint32] MsiRecordGetFieldCount([uint32] $Record) { return [LabPackage]::Open[$Record - 1].Count }
    static [uint32] MsiRecordGetStringW([uint32] $Record, [uint32] $Field, [System.Text.StringBuilder] $Text, [ref] $Length) {
        $value = [string] [LabPackage]::Open[$Record - 1][$Field - 1]
        $room = $Length.Value
        $Length.Value = [uint32] $value.Length
        if ($value.Length -ge $room) { return 234 }
        [void] $Text.Clear().Append($value)
        return 0
    }
    static [uint32] MsiCloseHandle([uint32] $Handle) { [LabPackage]::Open[$Handle - 1] = $null; return 0 }
}

$accelerators = [psobject].Assembly.GetType('System.Management.Automation.TypeAccelerators')
$replaced = @{
    'System.IO.File' = [LabFile]; 'System.IO.Directory' = [LabDirectory]; 'System.IO.Path' = [LabPath]
    'System.Security.AccessControl.DirectorySecurity' = [LabSecurity]; 'System.Security.AccessControl.FileSecurity' = [LabSecurity]
    'Microsoft.Win32.RegistryKey' = [LabRegistryKey]
    'System.Security.Principal.NTAccount' = [LabAccount]; 'System.Security.Principal.SecurityIdentifier' = [LabSid]
    'System.Security.Principal.WindowsIdentity' = [LabIdentity]; 'System.Security.Principal.WindowsPrincipal' = [LabPrincipal]
    'System.Security.Principal.IdentityNotMappedException' = [LabNotMapped]
    'System.Net.NetworkInformation.IPGlobalProperties' = [LabNetwork]
    'System.Security.Cryptography.X509Certificates.X509Store' = [LabCertificateStore]; 'System.Threading.Mutex' = [LabMutex]
    'System.Data.SqlClient.SqlConnection' = [LabSqlConnection]; 'System.Data.SqlClient.SqlException' = [LabSqlException]
    'System.Data.SqlClient.SqlConnectionStringBuilder' = [System.Data.Common.DbConnectionStringBuilder]
    'System.Diagnostics.Process' = [LabProcess]; 'MimSync.Installer' = [LabInstaller]; 'MimSync.Package' = [LabPackage]
}
foreach ($name in $replaced.Keys) { $accelerators::Add($name, $replaced[$name]) }
