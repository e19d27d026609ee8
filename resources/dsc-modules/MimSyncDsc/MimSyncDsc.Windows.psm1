# The one file that touches Windows: small functions, one thing each. Everything else in the module is logic.
# Tests and the lab replace this file and nothing else. Registry paths are below HKEY_LOCAL_MACHINE, 64-bit view.
Set-StrictMode -Version Latest

# Only functions that read. read.ps1 is made of this region and that of MimSyncDsc.Read.psm1, so be brief here.
#region Read
function Get-NodeName {
    # GetIPGlobalProperties knows the DNS suffix without asking the network.
    $ip = [System.Net.NetworkInformation.IPGlobalProperties]::GetIPGlobalProperties()
    $fqdn = $ip.HostName
    if ($ip.DomainName) { $fqdn = $ip.HostName + '.' + $ip.DomainName }
    @{ ComputerName = $env:COMPUTERNAME; Fqdn = $fqdn }
}

function Get-RegistryMap {
    # The values of a key as a hashtable, nothing when there is no such key.
    param([string] $Path)
    $base = [Microsoft.Win32.RegistryKey]::OpenBaseKey('LocalMachine', 'Registry64')
    $key = $base.OpenSubKey($Path)
    if ($null -eq $key) { return }
    $map = @{}
    foreach ($name in $key.GetValueNames()) { $map[$name] = $key.GetValue($name) }
    $key.Close()
    $map
}

function Get-RegistryChild {
    # The names of a key's subkeys.
    param([string] $Path)
    $base = [Microsoft.Win32.RegistryKey]::OpenBaseKey('LocalMachine', 'Registry64')
    $key = $base.OpenSubKey($Path)
    if ($null -eq $key) { return }
    $key.GetSubKeyNames()
    $key.Close()
}

function Get-ServiceStatus {
    # Running, Stopped and so on; nothing when there is no such service.
    param([string] $Name)
    $service = Get-Service -Name $Name -ErrorAction Ignore
    if ($service) { $service.Status.ToString() }
}

function ConvertTo-Sid {
    # The SID of an account name, nothing when the name does not resolve.
    param([string] $Name)
    try {
        (New-Object System.Security.Principal.NTAccount($Name)).Translate([System.Security.Principal.SecurityIdentifier]).Value
    } catch [System.Security.Principal.IdentityNotMappedException] { }
}

function ConvertFrom-Sid {
    # The account name of a SID, nothing when it has none.
    param([string] $Sid)
    try {
        (New-Object System.Security.Principal.SecurityIdentifier($Sid)).Translate([System.Security.Principal.NTAccount]).Value
    } catch [System.Security.Principal.IdentityNotMappedException] { }
}

function Get-FileFact {
    # Length and SHA-256 of a file, nothing when there is no such file. File.Exists would say no to a file we may not see.
    param([string] $Path)
    try { $stream = New-Object System.IO.FileStream($Path, 'Open', 'Read', 'ReadWrite') }
    catch [System.IO.FileNotFoundException], [System.IO.DirectoryNotFoundException] { return }
    $sha = [System.Security.Cryptography.SHA256]::Create()
    try {
        $hash = [System.BitConverter]::ToString($sha.ComputeHash($stream)).Replace('-', '').ToLowerInvariant()
        @{ Length = $stream.Length; Sha256 = $hash }
    } finally { $stream.Dispose() }
}

function Test-NetworkLogon {
    [System.Security.Principal.WindowsIdentity]::GetCurrent().Groups.Value -contains 'S-1-5-2'
}

function Get-SqlRow {
    # The first row of a query as Row (SIDs as text), or the Number and Message of SQL's refusal. Argument is @argument.
    param([string] $Server, [string] $Database, [string] $Query, [string] $Argument)
    Add-Type -AssemblyName System.Data
    $text = New-Object System.Data.SqlClient.SqlConnectionStringBuilder
    $text['Data Source'] = $Server
    $text['Initial Catalog'] = $Database
    $text['Integrated Security'] = $true
    $text['Connect Timeout'] = 5
    $text['ApplicationIntent'] = 'ReadOnly'
    $text['Pooling'] = $false
    $text['Application Name'] = 'mimc'
    $connection = New-Object System.Data.SqlClient.SqlConnection($text.ConnectionString)
    try {
        $connection.Open()
        $command = $connection.CreateCommand()
        $command.CommandText = $Query
        [void] $command.Parameters.AddWithValue('@argument', $Argument)
        $reader = $command.ExecuteReader()
        if (-not $reader.Read()) { return @{ Row = $null } }
        $row = @{}
        for ($i = 0; $i -lt $reader.FieldCount; $i++) {
            $value = $reader.GetValue($i)
            if ($value -is [byte[]]) { $value = (New-Object System.Security.Principal.SecurityIdentifier($value, 0)).Value }
            if ($value -is [System.DBNull]) { $value = $null }
            $row[$reader.GetName($i)] = $value
        }
        @{ Row = $row }
    } catch [System.Data.SqlClient.SqlException] {
        $refusal = $_.Exception
        while ($refusal -isnot [System.Data.SqlClient.SqlException]) { $refusal = $refusal.InnerException }
        @{ Number = $refusal.Number; Message = $refusal.Message }
    } finally { $connection.Dispose() }
}
#endregion Read

# What Set needs: whatever changes something, and readings that nobody but Set asks for.
#region Change
$script:AdministratorsOnly = 'O:BAG:BAD:P(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)'
$script:AdministratorsOnlyFile = 'O:BAG:BAD:P(A;;FA;;;BA)(A;;FA;;;SY)'

function Get-CurrentSid {
    <# .SYNOPSIS
    The SID of the account that this code runs as: that of the thread, which may not be that of the process. #>
    [System.Security.Principal.WindowsIdentity]::GetCurrent().User.Value
}

function Test-Administrator {
    <# .SYNOPSIS
    Whether this code runs with the rights of an administrator. #>
    $identity = [System.Security.Principal.WindowsIdentity]::GetCurrent()
    $role = [System.Security.Principal.WindowsBuiltInRole]::Administrator
    (New-Object System.Security.Principal.WindowsPrincipal($identity)).IsInRole($role)
}

function Test-InstallerBusy {
    <# .SYNOPSIS
    Whether Windows Installer is at work: it holds this mutex while it executes. #>
    try {
        [System.Threading.Mutex]::OpenExisting('Global\_MSIExecute').Dispose()
        $true
    } catch [System.Threading.WaitHandleCannotBeOpenedException] { $false }
    catch [System.UnauthorizedAccessException] { $true }
}

function Set-RegistryMap {
    <# .SYNOPSIS
    Write text values into a key, which is made when missing; a volatile key is gone after a restart. #>
    param([string] $Path, [hashtable] $Value, [switch] $Volatile)
    $base = [Microsoft.Win32.RegistryKey]::OpenBaseKey('LocalMachine', 'Registry64')
    $lifetime = [Microsoft.Win32.RegistryOptions]::None
    if ($Volatile) {
        $lifetime = [Microsoft.Win32.RegistryOptions]::Volatile
        # Missing keys on the way would be volatile too, and below such a key nothing that stays can be made.
        $base.CreateSubKey($Path.Substring(0, $Path.LastIndexOf('\'))).Close()
    }
    $key = $base.CreateSubKey($Path, [Microsoft.Win32.RegistryKeyPermissionCheck]::ReadWriteSubTree, $lifetime)
    foreach ($name in $Value.Keys) { $key.SetValue($name, [string] $Value[$name]) }
    $key.Close()
}

function Get-WorkFolder {
    <# .SYNOPSIS
    The folder for what we keep on the node. #>
    "$env:ProgramData\mimc"
}

function New-LockedFolder {
    <# .SYNOPSIS
    Make a folder that only Administrators and SYSTEM can use, or take one that they own; refuse any other. #>
    param([string] $Path)
    # Folders on the way are made as any program makes them: they are not ours to lock.
    [void] [System.IO.Directory]::CreateDirectory([System.IO.Path]::GetDirectoryName($Path))
    $security = New-Object System.Security.AccessControl.DirectorySecurity
    $security.SetSecurityDescriptorSddlForm($script:AdministratorsOnly)
    # A folder that is there stays as it is.
    [void] [System.IO.Directory]::CreateDirectory($Path, $security)
    $folder = Get-Item -LiteralPath $Path -Force
    $acl = Get-Acl -LiteralPath $Path
    $owner = $acl.GetOwner([System.Security.Principal.SecurityIdentifier]).Value
    if ($owner -notin 'S-1-5-32-544', 'S-1-5-18' -or $folder.Attributes -band [System.IO.FileAttributes]::ReparsePoint) {
        throw "MimSync.FolderOwner: $Path belongs to $owner or is a link; only a real folder of Administrators or SYSTEM is safe. Look at who made it, remove it, and try again."
    }
    $acl.SetSecurityDescriptorSddlForm($script:AdministratorsOnly)
    Set-Acl -LiteralPath $Path -AclObject $acl
}

function Test-File {
    <# .SYNOPSIS
    Whether there is such a file, and we may see it. #>
    param([string] $Path)
    [System.IO.File]::Exists($Path)
}

function Copy-Folder {
    <# .SYNOPSIS
    Copy a folder with all that is in it; the target must not exist. #>
    param([string] $Source, [string] $Destination)
    # E: alone would be the current folder of that drive.
    if ($Source.EndsWith(':')) { $Source += '\' }
    Copy-Item -LiteralPath $Source -Destination $Destination -Recurse -Force -ErrorAction Stop
    # Files of a mounted image come as read-only.
    foreach ($file in Get-ChildItem -LiteralPath $Destination -Recurse -Force -File) { $file.IsReadOnly = $false }
}

function Copy-File {
    <# .SYNOPSIS
    Copy one file over whatever is there. #>
    param([string] $Source, [string] $Destination)
    [System.IO.File]::Copy($Source, $Destination, $true)
}

function Remove-Path {
    <# .SYNOPSIS
    Remove a file, or a folder with all that is in it, when it is there. #>
    param([string] $Path)
    if (Test-Path -LiteralPath $Path) { Remove-Item -LiteralPath $Path -Recurse -Force -ErrorAction Stop }
}

function Mount-Image {
    <# .SYNOPSIS
    Mount an .iso read-only and give its root, such as E: #>
    param([string] $Path)
    $image = Mount-DiskImage -ImagePath $Path -StorageType ISO -Access ReadOnly -PassThru -ErrorAction Stop
    # The letter may come a moment after the image. Without one it is a NUL.
    for ($look = 0; $look -lt 20; $look++) {
        # Ignore is more than a function of Windows PowerShell takes.
        $volume = $image | Get-Volume -ErrorAction SilentlyContinue | Select-Object -First 1
        if ($volume -and [int] [char] $volume.DriveLetter) { return "$($volume.DriveLetter):" }
        Start-Sleep -Milliseconds 500
    }
    try { Dismount-Image -Path $Path } catch { Write-Warning -Message "$Path stays mounted: $($_.Exception.Message)" }
    throw "MimSync.Media: $Path was mounted and got no drive letter. Free a letter or turn automount on, or copy what is in the image to a folder."
}

function Dismount-Image {
    <# .SYNOPSIS
    Take the image away again. #>
    param([string] $Path)
    [void] (Dismount-DiskImage -ImagePath $Path -ErrorAction Stop)
}

function Get-Signature {
    <# .SYNOPSIS
    The Authenticode verdict on a file, and who signed it. #>
    param([string] $Path)
    $signature = Get-AuthenticodeSignature -LiteralPath $Path
    $subject = ''
    if ($signature.SignerCertificate) { $subject = $signature.SignerCertificate.Subject }
    @{ Status = $signature.Status.ToString(); Subject = $subject }
}

function Get-PackageTable {
    <# .SYNOPSIS
    Tables of a Windows Installer package by their names: rows of column and text. The package is opened for reading only.
    .DESCRIPTION
    A table that is not there has no rows. Columns of streams are left out, and numbers are text. #>
    param([string] $Path, [string[]] $Name)
    Add-Type -Namespace MimSync -Name Package -MemberDefinition @'
[DllImport("msi.dll", CharSet = CharSet.Unicode)] public static extern uint MsiOpenDatabaseW(string path, System.IntPtr mode, out uint database);
[DllImport("msi.dll", CharSet = CharSet.Unicode)] public static extern uint MsiDatabaseOpenViewW(uint database, string query, out uint view);
[DllImport("msi.dll")] public static extern uint MsiViewExecute(uint view, uint record);
[DllImport("msi.dll")] public static extern uint MsiViewGetColumnInfo(uint view, int kind, out uint record);
[DllImport("msi.dll")] public static extern uint MsiViewFetch(uint view, out uint record);
[DllImport("msi.dll")] public static extern uint MsiRecordGetFieldCount(uint record);
[DllImport("msi.dll", CharSet = CharSet.Unicode)] public static extern uint MsiRecordGetStringW(uint record, uint field, System.Text.StringBuilder text, ref uint length);
[DllImport("msi.dll")] public static extern uint MsiCloseHandle(uint handle);
'@
    $check = {
        param([uint32] $Code)
        if ($Code -ne 0) { throw "MimSync.Media: Windows Installer cannot read the tables of $Path (error $Code). Nothing was run. Copy the media again from the original." }
    }
    $tables = @{}
    [uint32] $database = 0
    [uint32] $record = 0
    # No mode at all means read-only.
    & $check ([MimSync.Package]::MsiOpenDatabaseW($Path, [System.IntPtr]::Zero, [ref] $database))
    try {
        foreach ($table in $Name) {
            $tables[$table] = @()
            [uint32] $view = 0
            $code = [MimSync.Package]::MsiDatabaseOpenViewW($database, ('SELECT * FROM `{0}`' -f $table), [ref] $view)
            if ($code -eq 1615) { continue }
            & $check $code
            try {
                & $check ([MimSync.Package]::MsiViewExecute($view, 0))
                & $check ([MimSync.Package]::MsiViewGetColumnInfo($view, 0, [ref] $record))
                $columns = @(ConvertFrom-PackageRecord -Record $record)
                & $check ([MimSync.Package]::MsiViewGetColumnInfo($view, 1, [ref] $record))
                $kinds = @(ConvertFrom-PackageRecord -Record $record)
                $fields = @(1..$columns.Count | Where-Object { $kinds[$_ - 1] -notlike 'v*' })
                $tables[$table] = @(while ($true) {
                        $code = [MimSync.Package]::MsiViewFetch($view, [ref] $record)
                        if ($code -eq 259) { break }
                        & $check $code
                        $texts = @(ConvertFrom-PackageRecord -Record $record -Field $fields)
                        $row = @{}
                        for ($i = 0; $i -lt $texts.Count; $i++) { $row[$columns[$fields[$i] - 1]] = $texts[$i] }
                        $row
                    })
            } finally { [void] [MimSync.Package]::MsiCloseHandle($view) }
        }
        $tables
    } finally { [void] [MimSync.Package]::MsiCloseHandle($database) }
}

function ConvertFrom-PackageRecord {
    <# .SYNOPSIS
    The texts of a record's fields, of all when none are named; the record is closed (Get-PackageTable). #>
    param([uint32] $Record, [object[]] $Field)
    try {
        if (-not $Field) { $Field = @(1..([MimSync.Package]::MsiRecordGetFieldCount($Record))) }
        $text = New-Object System.Text.StringBuilder(256)
        foreach ($number in $Field) {
            [uint32] $length = 256
            $code = [MimSync.Package]::MsiRecordGetStringW($Record, $number, $text, [ref] $length)
            if ($code -eq 234) {
                # It is longer, and its length is told without the NUL at the end.
                $length++
                [void] $text.EnsureCapacity($length)
                $code = [MimSync.Package]::MsiRecordGetStringW($Record, $number, $text, [ref] $length)
            }
            if ($code -ne 0) { throw "MimSync.Media: Windows Installer cannot read a row of the package (error $code). Nothing was run. Copy the media again from the original." }
            $text.ToString()
        }
    } finally { [void] [MimSync.Package]::MsiCloseHandle($Record) }
}

function Get-FileText {
    <# .SYNOPSIS
    The text of a file that another process may still write to, '' when there is none. #>
    param([string] $Path)
    if (-not [System.IO.File]::Exists($Path)) { return '' }
    $stream = New-Object System.IO.FileStream($Path, 'Open', 'Read', 'ReadWrite')
    $reader = New-Object System.IO.StreamReader($stream, [System.Text.Encoding]::Default, $true)
    try { $reader.ReadToEnd() } finally { $reader.Dispose() }
}

function Copy-LockedFile {
    <# .SYNOPSIS
    Copy a file to where only Administrators and SYSTEM can read it; what was there goes to Backup when the new one is whole.
    .DESCRIPTION
    The access list is there before the first byte. #>
    param([string] $Source, [string] $Destination, [string] $Backup)
    $folder = [System.IO.Path]::GetDirectoryName($Destination)
    if (-not [System.IO.Directory]::Exists($folder)) { New-LockedFolder -Path $folder }
    $security = New-Object System.Security.AccessControl.FileSecurity
    $security.SetSecurityDescriptorSddlForm($script:AdministratorsOnlyFile)
    $bytes = [System.IO.File]::ReadAllBytes($Source)
    $fresh = "$Destination.$([System.Guid]::NewGuid().ToString('N')).new"
    try {
        $stream = [System.IO.File]::Create($fresh, 4096, [System.IO.FileOptions]::WriteThrough, $security)
        try { $stream.Write($bytes, 0, $bytes.Length) } finally { $stream.Dispose() }
        if ([System.IO.File]::Exists($Destination)) {
            # The replaced file's access list stays, so it has to be the right one.
            [System.IO.File]::SetAccessControl($Destination, $security)
            [System.IO.File]::Replace($fresh, $Destination, $Backup)
        } else { [System.IO.File]::Move($fresh, $Destination) }
    } finally { [System.IO.File]::Delete($fresh) }
}

function Set-ServiceRunning {
    <# .SYNOPSIS
    Start or stop a service and wait until it has. #>
    param([string] $Name, [bool] $Running)
    if ($Running) { Start-Service -Name $Name -ErrorAction Stop } else { Stop-Service -Name $Name -Force -ErrorAction Stop }
}

function Wait-ServiceStart {
    <# .SYNOPSIS
    The state of a service, once it is no longer starting or the time is up. #>
    param([string] $Name, [int] $TimeoutSeconds)
    for ($look = 0; $look -lt $TimeoutSeconds; $look++) {
        $status = Get-ServiceStatus -Name $Name
        if ($status -ne 'StartPending') { break }
        Start-Sleep -Milliseconds 1000
    }
    $status
}

function Set-FirewallRule {
    <# .SYNOPSIS
    Enable or disable a firewall rule by its name in the registry. #>
    param([string] $Name, [bool] $Enabled)
    Set-NetFirewallRule -Name $Name -Enabled $Enabled.ToString() -ErrorAction Stop
}

function New-FirewallRule {
    <# .SYNOPSIS
    Make an inbound allow rule of one program, or of one service in it, for an RPC port group. #>
    param([string] $Name, [string] $DisplayName, [string] $Program, [string] $Service, [string] $Port)
    $rule = @{ Name = $Name; DisplayName = $DisplayName; Program = $Program; LocalPort = $Port }
    if ($Service) { $rule['Service'] = $Service }
    [void] (New-NetFirewallRule @rule -Direction Inbound -Action Allow -Protocol TCP -Enabled True -ErrorAction Stop)
}

function Remove-FirewallRule {
    <# .SYNOPSIS
    Remove a firewall rule by its name in the registry. #>
    param([string] $Name)
    Remove-NetFirewallRule -Name $Name -ErrorAction Stop
}

function Start-Child {
    <# .SYNOPSIS
    Start a program whose input and output are pipes. Argument is one string, in the program's own quoting. #>
    param([string] $FilePath, [string] $Argument)
    $start = New-Object System.Diagnostics.ProcessStartInfo($FilePath, $Argument)
    $start.UseShellExecute = $false
    $start.CreateNoWindow = $true
    $start.RedirectStandardInput = $true
    $start.RedirectStandardOutput = $true
    $process = [System.Diagnostics.Process]::Start($start)
    @{ Process = $process; Input = $process.StandardInput; Output = $process.StandardOutput }
}

function Get-GroupSid {
    <# .SYNOPSIS
    The SIDs of an account's groups, nested and local ones too: its domain vouches for it, no password is needed. #>
    param([string] $UserPrincipalName)
    $identity = New-Object System.Security.Principal.WindowsIdentity($UserPrincipalName)
    try { $identity.Groups.Value } finally { $identity.Dispose() }
}

function Start-RightExport {
    <# .SYNOPSIS
    Start the program that writes the node's user rights assignment to a file: it knows no other way out. #>
    param([string] $Path)
    Start-Child -FilePath "$env:SystemRoot\System32\secedit.exe" -Argument "/export /areas USER_RIGHTS /cfg `"$Path`" /quiet"
}

function Start-InstallerChild {
    <# .SYNOPSIS
    Start the process that will install, patch or remove; it says who it is and waits for its orders (Invoke-InstallerChild). #>
    # Without -InputFormat None PowerShell itself would read the pipe.
    $shell = "$env:SystemRoot\System32\WindowsPowerShell\v1.0\powershell.exe"
    $file = "$PSScriptRoot\MimSyncDsc.Installer.ps1"
    Start-Child -FilePath $shell -Argument "-NoProfile -NonInteractive -InputFormat None -ExecutionPolicy Bypass -File `"$file`""
}

function Read-ChildLine {
    <# .SYNOPSIS
    What follows Prefix on the child's next line that has it; '' at the end of its output, nothing when the time is up.
    .DESCRIPTION
    The last other line is in Child's Last. #>
    param([hashtable] $Child, [string] $Prefix, [int] $TimeoutSeconds)
    $until = [System.DateTime]::UtcNow.AddSeconds($TimeoutSeconds)
    while ($true) {
        # A reading that was given up is still under way, and a stream has one at a time.
        if (-not $Child['Reading']) { $Child['Reading'] = $Child['Output'].ReadLineAsync() }
        $left = [System.Math]::Max(0, ($until - [System.DateTime]::UtcNow).TotalMilliseconds)
        if (-not $Child['Reading'].Wait([int] $left)) { return }
        $line = $Child['Reading'].Result
        $Child['Reading'] = $null
        if ($null -eq $line) { return '' }
        if ($line.StartsWith($Prefix, [System.StringComparison]::Ordinal)) { return $line.Substring($Prefix.Length).Trim() }
        if ($line.Trim()) { $Child['Last'] = $line.Trim() }
    }
}

function Wait-Child {
    <# .SYNOPSIS
    The child's exit code, nothing when the time is up. #>
    param([hashtable] $Child, [int] $TimeoutSeconds)
    # Into a pipe that nobody reads a program writes some kilobytes, and then it hangs.
    if (-not $Child['Reading']) { $Child['Reading'] = $Child['Output'].ReadToEndAsync() }
    if ($Child['Process'].WaitForExit($TimeoutSeconds * 1000)) { $Child['Process'].ExitCode }
}

function Stop-Child {
    <# .SYNOPSIS
    End a child that we started. Never called for an installer. #>
    param([hashtable] $Child)
    $Child['Process'].Kill()
    # Its files are in use until it is gone.
    [void] $Child['Process'].WaitForExit(5000)
}

function Invoke-InstallerChild {
    <# .SYNOPSIS
    The other end of Start-InstallerChild: say who we are, read what to do with what, log, its last line, properties and password, do it.
    .DESCRIPTION
    msi.dll is called as such and not through WindowsInstaller.Installer, whose InstallProduct tells no exit code.
    Log mode: everything but the property dump (0x400) and what debugging adds. The log is scrubbed here, so that
    it is also scrubbed when the parent has stopped waiting; its last line says that it was. #>
    $read = {
        $line = [string] [System.Console]::In.ReadLine() -replace '[^A-Za-z0-9+/=]'
        [System.Text.Encoding]::UTF8.GetString([System.Convert]::FromBase64String($line))
    }
    # Nobody reads this process's errors. No secret is known yet, so they may be told.
    try {
        Add-Type -Namespace MimSync -Name Installer -MemberDefinition @'
[DllImport("msi.dll")] public static extern uint MsiSetInternalUI(uint level, System.IntPtr window);
[DllImport("msi.dll", CharSet = CharSet.Unicode)] public static extern uint MsiEnableLogW(uint mode, string file, uint attributes);
[DllImport("msi.dll", CharSet = CharSet.Unicode)] public static extern uint MsiInstallProductW(string package, string properties);
[DllImport("msi.dll", CharSet = CharSet.Unicode)] public static extern uint MsiConfigureProductExW(string product, int level, int state, string properties);
[DllImport("msi.dll", CharSet = CharSet.Unicode)] public static extern uint MsiApplyPatchW(string patch, string package, int kind, string properties);
'@
        [System.Console]::Out.WriteLine('mimc:identity ' + (Get-CurrentSid))
        $action = & $read
        if (-not $action) { return }
        $package = & $read
        $product = & $read
        $log = & $read
        $lastLine = & $read
    } catch {
        [System.Console]::Out.WriteLine('mimc:error ' + ($_.Exception.GetBaseException().Message -replace '\s+', ' '))
        return
    }
    $property = & $read
    $secret = & $read
    # An order that broke off is none.
    if ((& $read) -cne 'go') { return }
    [void] [MimSync.Installer]::MsiSetInternalUI(2, [System.IntPtr]::Zero)
    [void] [MimSync.Installer]::MsiEnableLogW(0x1BDF, $log, 0)
    # 2 is absent and 5 the default of INSTALLSTATE, 0 the default of INSTALLLEVEL; 2 of INSTALLTYPE is this product alone:
    # without it the patch would go to every product that takes it.
    $code = switch ($action) {
        'install' { [MimSync.Installer]::MsiInstallProductW($package, $property) }
        'configure' { [MimSync.Installer]::MsiConfigureProductExW($product, 0, 5, $property) }
        'remove' { [MimSync.Installer]::MsiConfigureProductExW($product, 0, 2, $property) }
        'patch' { [MimSync.Installer]::MsiApplyPatchW($package, $product, 2, $property) }
    }
    # Only NULL ends the log, and $null would arrive as an empty name.
    [void] [MimSync.Installer]::MsiEnableLogW(0, [NullString]::Value, 0)
    try {
        $text = [System.IO.File]::ReadAllText($log)
        if ($secret) { $text = $text.Replace($secret, '********').Replace($secret.Replace('"', '""'), '********') }
        [System.IO.File]::WriteAllText($log, $text.TrimEnd() + "`r`n$lastLine`r`n", [System.Text.Encoding]::Unicode)
    } catch {
        try { if ($secret) { Remove-Path -Path $log } }
        catch { [System.Console]::Out.WriteLine("mimc:error $log may hold the password of the service account and could not be removed. Remove it.") }
    }
    # Whatever became of the log: setup has ended, and with what.
    [System.Console]::Out.WriteLine("mimc:exit $code")
}
#endregion Change

Export-ModuleMember -Function *
