# Those functions of the seam file that another platform than Windows can run: pipes, processes, files.
Describe 'the seam' {
    BeforeAll {
        Set-StrictMode -Version Latest
        . (Join-Path -Path $PSScriptRoot -ChildPath 'StandIns.ps1')
        $copies = Get-CopyFolder -Otherwise $TestDrive
        $seam = Join-Path -Path $copies -ChildPath 'seam/plain.psm1'
        Import-Module -Name $seam -Prefix 'Real'
        $shell = $env:MIMC_PWSH
        if (-not $shell) { $shell = 'pwsh' }
        function Start-Shell {
            param([string] $Text)
            $file = Join-Path -Path $TestDrive -ChildPath 'child.ps1'
            # The lane wants to know what was called there.
            $note = ''
            if ($env:MIMC_CALLS) { $note = "[void] (Set-PSBreakpoint -Command 'Invoke-InstallerChild' -Action { [System.IO.File]::AppendAllText('$env:MIMC_CALLS', `"Invoke-InstallerChild``n`") }); " }
            [System.IO.File]::WriteAllText($file, $note + $Text)
            Start-RealChild -FilePath $shell -Argument "-NoProfile -NonInteractive -InputFormat None -File `"$file`""
        }
        function Invoke-Stood {
            # Run functions of the copy of the seam in which some of Windows' types are played; '' or the error's text.
            param([string] $Copy, [scriptblock] $Body)
            try {
                Import-Module -Name "$copies/seam/$Copy.psm1" -Prefix 'Stood'
                & $Body | Out-Null
                ''
            } catch { $_.Exception.GetBaseException().Message }
        }
    }
    AfterAll { Remove-Command }
    It 'talks with a PowerShell child over its pipes, line by line' {
        $child = Start-Shell -Text '[Console]::Out.WriteLine("noise"); [Console]::Out.WriteLine("mimc:identity S-1"); $a = [Console]::In.ReadLine(); $b = [Console]::In.ReadLine(); [Console]::Out.WriteLine("mimc:exit $a-$b")'
        Read-RealChildLine -Child $child -Prefix 'mimc:identity ' -TimeoutSeconds 30 | Should -Be 'S-1'
        $child['Input'].WriteLine('one')
        $child['Input'].WriteLine('two')
        $child['Input'].Flush()
        Read-RealChildLine -Child $child -Prefix 'mimc:exit ' -TimeoutSeconds 30 | Should -Be 'one-two'
        Read-RealChildLine -Child $child -Prefix 'mimc:exit ' -TimeoutSeconds 30 | Should -BeExactly ''
        Wait-RealChild -Child $child -TimeoutSeconds 30 | Should -Be 0
    }
    It 'stops waiting when the time is up, and leaves the child alone' {
        $child = Start-RealChild -FilePath '/bin/sh' -Argument '-c "read x; exit 3"'
        Read-RealChildLine -Child $child -Prefix 'x' -TimeoutSeconds 1 | Should -Be $null
        Wait-RealChild -Child $child -TimeoutSeconds 0 | Should -Be $null
        $child['Process'].HasExited | Should -BeFalse
        $child['Input'].WriteLine('')
        $child['Input'].Close()
        Wait-RealChild -Child $child -TimeoutSeconds 30 | Should -Be 3
    }
    It 'goes on where it gave up waiting, and remembers the last other line' {
        $child = Start-RealChild -FilePath '/bin/sh' -Argument '-c "echo first; echo; read x; echo x:$x"'
        Read-RealChildLine -Child $child -Prefix 'x:' -TimeoutSeconds 1 | Should -Be $null
        $child['Last'] | Should -Be 'first'
        $child['Input'].WriteLine('y')
        $child['Input'].Flush()
        Read-RealChildLine -Child $child -Prefix 'x:' -TimeoutSeconds 30 | Should -Be 'y'
    }
    It 'does not let a program hang that writes more than a pipe holds' {
        $child = Start-RealChild -FilePath '/bin/sh' -Argument '-c "head -c 300000 /dev/zero; exit 4"'
        Wait-RealChild -Child $child -TimeoutSeconds 20 | Should -Be 4
    }
    It 'has a program ended when it says so' {
        $child = Start-RealChild -FilePath '/bin/sh' -Argument '-c "read x"'
        Stop-RealChild -Child $child
        $child['Process'].HasExited | Should -BeTrue
    }
    It 'makes a volatile key below a key that stays' {
        [MimcStandIns.Registry]::Clear()
        $said = Invoke-Stood -Copy 'registry' -Body {
            Set-StoodRegistryMap -Path 'SOFTWARE\mimc\MimSyncDsc\RebootPending' -Value @{ SetupExitCode = 3010 } -Volatile
            Set-StoodRegistryMap -Path 'SOFTWARE\mimc\MimSyncDsc\KeyBackup' -Value @{ Path = 'C:\keys' }
            [MimcStandIns.Registry]::Restart()
            if ((Get-StoodRegistryMap -Path 'SOFTWARE\mimc\MimSyncDsc\KeyBackup')['Path'] -ne 'C:\keys') { throw 'the record of the keys is gone' }
            if (Get-StoodRegistryMap -Path 'SOFTWARE\mimc\MimSyncDsc\RebootPending') { throw 'the restart is still pending' }
        }
        $said | Should -BeExactly ''
    }
    It 'locks the last folder only' {
        [MimcStandIns.Directories]::Locked.Clear()
        $global:Acl = @{ Owner = 'S-1-5-32-544'; Sddl = @{} }
        $path = Join-Path -Path $TestDrive -ChildPath 'a/b/keys'
        Invoke-Stood -Copy 'folders' -Body { New-StoodLockedFolder -Path $path; New-StoodLockedFolder -Path $path } | Should -BeExactly ''
        [MimcStandIns.Directories]::Locked | Should -Be @($path)
        $global:Acl.Owner = 'S-1-5-21-9-9-9-1000'
        Invoke-Stood -Copy 'folders' -Body { New-StoodLockedFolder -Path $path } | Should -BeLike 'MimSync.FolderOwner: *'
    }
    It 'replaces a key file by a whole one, and keeps the old one when the disk is full' {
        [MimcStandIns.Files]::Calls.Clear()
        $source = Join-Path -Path $TestDrive -ChildPath 'fresh.bin'
        $target = Join-Path -Path $TestDrive -ChildPath 'miiskeys.bin'
        foreach ($text in 'one', 'two') {
            [System.IO.File]::WriteAllText($source, $text)
            Invoke-Stood -Copy 'files' -Body { Copy-StoodLockedFile -Source $source -Destination $target -Backup "$target.old" } | Should -BeExactly ''
            [System.IO.File]::ReadAllText($target) | Should -Be $text
        }
        [System.IO.File]::ReadAllText("$target.old") | Should -Be 'one'
        $sddl = 'O:BAG:BAD:P(A;;FA;;;BA)(A;;FA;;;SY)'
        @([MimcStandIns.Files]::Calls) -replace '\.[0-9a-f]{32}\.new', '.new' | Should -Be @("Create miiskeys.bin.new $sddl", 'Move', "Create miiskeys.bin.new $sddl", "SetAccessControl miiskeys.bin $sddl", 'Replace')
        [MimcStandIns.Files]::Full = $true
        [System.IO.File]::WriteAllText($source, 'three')
        try { Invoke-Stood -Copy 'files' -Body { Copy-StoodLockedFile -Source $source -Destination $target -Backup "$target.older" } | Should -BeLike '*not enough space*' }
        finally { [MimcStandIns.Files]::Full = $false }
        [System.IO.File]::ReadAllText($target) | Should -Be 'two'
        @(Get-ChildItem -LiteralPath $TestDrive -Filter *.new) | Should -HaveCount 0
    }
    Context 'an image' {
        BeforeAll {
            $global:Image = @{}
            function global:Mount-DiskImage { param($ImagePath, $StorageType, $Access, [switch] $PassThru) $global:Image.Mounted = $true; [pscustomobject] @{ Path = $ImagePath } }
            function global:Get-Volume { [CmdletBinding()] param([Parameter(ValueFromPipeline)] $Image) process { $global:Image.Looks++; $global:Image.Volume } }
            function global:Dismount-DiskImage { param($ImagePath) $global:Image.Mounted = $false; if ($global:Image.Stuck) { throw 'it is in use' } }
            function global:Start-Sleep { param([int] $Milliseconds) if ($global:Image.Looks -eq 3) { $global:Image.Volume = $global:Image.Later } }
        }
        AfterAll { Remove-Item -Path Function:\Mount-DiskImage, Function:\Get-Volume, Function:\Dismount-DiskImage, Function:\Start-Sleep }
        BeforeEach { $global:Image = @{ Mounted = $false; Looks = 0; Volume = $null; Later = $null; Stuck = $false } }
        It 'is known by its letter, which may come late' {
            $global:Image.Later = [pscustomobject] @{ DriveLetter = [char] 'E' }
            Mount-RealImage -Path 'D:\MIM.iso' | Should -BeExactly 'E:'
            $global:Image.Mounted | Should -BeTrue
        }
        It 'does not stay mounted when it gets no letter: <Name>' -ForEach @(
            @{ Name = 'no volume'; Later = $null; Stuck = $false }, @{ Name = 'a NUL'; Later = [pscustomobject] @{ DriveLetter = [char] 0 }; Stuck = $false }
            @{ Name = 'null'; Later = [pscustomobject] @{ DriveLetter = $null }; Stuck = $false }, @{ Name = 'and cannot be taken away'; Later = $null; Stuck = $true }
        ) {
            $global:Image.Later = $Later
            $global:Image.Stuck = $Stuck
            { Mount-RealImage -Path 'D:\MIM.iso' -WarningAction SilentlyContinue } | Should -Throw 'MimSync.Media: *no drive letter*'
            $global:Image.Mounted | Should -BeFalse
        }
    }
    Context 'the installing process' {
        BeforeAll {
            # msi.dll in C#: it writes what it is told into the log, and has it open until it is told to stop.
            $msi = @'
namespace MimSync {
    public class Who { public class Account { public string Value = "S-1-5-7"; } public Account User = new Account(); public static Who GetCurrent() { return new Who(); } }
    public static class Installer {
        static System.IO.FileStream log;
        static bool stuck;
        public static uint MsiSetInternalUI(uint level, System.IntPtr window) { return 0; }
        public static uint MsiEnableLogW(uint mode, string file, uint attributes) {
            if (file == null) { if (!stuck) log.Dispose(); }
            else if (file != "") log = new System.IO.FileStream(file, System.IO.FileMode.Create, System.IO.FileAccess.Write, System.IO.FileShare.None);
            return 0;
        }
        public static uint MsiConfigureProductExW(string product, int level, int state, string property) { return Log("state " + state + " at level " + level + " of " + product, property); }
        public static uint MsiApplyPatchW(string patch, string package, int kind, string property) { return Log("patching " + package + " by kind " + kind + " with " + patch, property); }
        public static uint MsiInstallProductW(string package, string property) { return Log("installing " + package, property); }
        static uint Log(string what, string property) {
            stuck = property.Contains("STUCK");
            var text = System.Text.Encoding.Unicode.GetPreamble();
            log.Write(text, 0, text.Length);
            text = System.Text.Encoding.Unicode.GetBytes(what + "\r\n" + property + "\r\n");
            log.Write(text, 0, text.Length);
            log.Flush();
            return 2147944003;
        }
    }
}
'@
            $prelude = "Add-Type -TypeDefinition @'`n$msi`n'@`nfunction global:Add-Type { }`n" +
            "[psobject].Assembly.GetType('System.Management.Automation.TypeAccelerators')::Add('System.Security.Principal.WindowsIdentity', [MimSync.Who])`n"
            function Send-Line {
                param([hashtable] $Child, [string[]] $Text)
                foreach ($line in $Text) { $Child['Input'].WriteLine([System.Convert]::ToBase64String([System.Text.Encoding]::UTF8.GetBytes($line))) }
                $Child['Input'].Flush()
            }
            $log = Join-Path -Path $TestDrive -ChildPath 'installer.log'
        }
        It 'says who it is, installs, takes the password out of the log, and says with what setup ended' {
            $child = Start-Shell -Text "$prelude; Import-Module '$seam'; Invoke-InstallerChild"
            Read-RealChildLine -Child $child -Prefix 'mimc:identity ' -TimeoutSeconds 60 | Should -Be 'S-1-5-7'
            Send-Line -Child $child -Text 'install', 'a.msi', '', $log, 'no password here', 'SERVICEPASSWORD="p""w" OTHER="p"', 'p"w', 'go'
            Read-RealChildLine -Child $child -Prefix 'mimc:exit ' -TimeoutSeconds 60 | Should -Be '2147944003'
            [System.IO.File]::ReadAllText($log) | Should -BeExactly "installing a.msi`r`nSERVICEPASSWORD=`"********`" OTHER=`"p`"`r`nno password here`r`n"
            $child['Last'] | Should -Be $null
        }
        It 'does <Action> as <Expected>' -ForEach @(
            @{ Action = 'configure'; Expected = 'state 5 at level 0 of {1}' }, @{ Action = 'remove'; Expected = 'state 2 at level 0 of {1}' }
            @{ Action = 'patch'; Expected = 'patching {1} by kind 2 with a.msp' }
        ) {
            $child = Start-Shell -Text "$prelude; Import-Module '$seam'; Invoke-InstallerChild"
            Send-Line -Child $child -Text $Action, 'a.msp', '{1}', $log, 'the end', 'REBOOT="ReallySuppress"', '', 'go'
            Read-RealChildLine -Child $child -Prefix 'mimc:exit ' -TimeoutSeconds 60 | Should -Be '2147944003'
            [System.IO.File]::ReadAllText($log) | Should -BeExactly "$Expected`r`nREBOOT=`"ReallySuppress`"`r`nthe end`r`n"
        }
        It 'does nothing of an order that broke off after <Lines> lines' -ForEach @(1..7 | ForEach-Object { @{ Lines = $_ } }) {
            [System.IO.File]::Delete($log)
            $child = Start-Shell -Text "$prelude; Import-Module '$seam'; Invoke-InstallerChild"
            Send-Line -Child $child -Text @(@('remove', '', '{1}', $log, 'the end', 'REBOOT="ReallySuppress"', '')[0..($Lines - 1)])
            $child['Input'].Close()
            Read-RealChildLine -Child $child -Prefix 'mimc:exit ' -TimeoutSeconds 60 | Should -BeExactly ''
            [System.IO.File]::Exists($log) | Should -BeFalse
        }
        It 'marks the log of an account without a password too' {
            $child = Start-Shell -Text "$prelude; Import-Module '$seam'; Invoke-InstallerChild"
            Send-Line -Child $child -Text 'install', 'a.msi', '', $log, 'no password here', 'A="1"', '', 'go'
            Read-RealChildLine -Child $child -Prefix 'mimc:exit ' -TimeoutSeconds 60 | Should -Be '2147944003'
            [System.IO.File]::ReadAllText($log) | Should -BeLike "*no password here`r`n"
        }
        It 'removes a log that it cannot scrub' {
            $child = Start-Shell -Text "$prelude; Import-Module '$seam'; Invoke-InstallerChild"
            Send-Line -Child $child -Text 'install', 'a.msi', '', $log, 'no password here', 'STUCK="1"', 'secret', 'go'
            Read-RealChildLine -Child $child -Prefix 'mimc:exit ' -TimeoutSeconds 60 | Should -Be '2147944003'
            [System.IO.File]::Exists($log) | Should -BeFalse
        }
        It 'says with what setup ended though the log can be neither scrubbed nor removed' {
            $child = Start-Shell -Text "$prelude; function global:Remove-Item { throw 'in use' }; Import-Module '$seam'; Invoke-InstallerChild"
            Send-Line -Child $child -Text 'install', 'a.msi', '', $log, 'no password here', 'STUCK="1"', 'secret', 'go'
            Read-RealChildLine -Child $child -Prefix 'mimc:exit ' -TimeoutSeconds 60 | Should -Be '2147944003'
            $child['Last'] | Should -BeLike "mimc:error $log may hold the password*"
        }
        It 'says why when it cannot begin' {
            $child = Start-Shell -Text "Import-Module '$seam'; function global:Add-Type { throw `"no compiler`nhere`" }; Invoke-InstallerChild"
            Read-RealChildLine -Child $child -Prefix 'mimc:identity ' -TimeoutSeconds 60 | Should -BeExactly ''
            $child['Last'] | Should -BeExactly 'mimc:error no compiler here'
        }
        It 'says why when the module is not whole' {
            $lone = Join-Path -Path $copies -ChildPath 'lone/MimSyncDsc.Installer.ps1'
            $child = Start-RealChild -FilePath $shell -Argument "-NoProfile -NonInteractive -InputFormat None -File `"$lone`""
            Read-RealChildLine -Child $child -Prefix 'mimc:identity ' -TimeoutSeconds 60 | Should -BeExactly ''
            $child['Last'] | Should -BeLike 'mimc:error *MimSyncDsc.Windows.psm1*'
        }
    }
    It 'hashes a file, and tells a missing one from an empty one' {
        $file = Join-Path -Path $TestDrive -ChildPath 'file.bin'
        Get-RealFileFact -Path $file | Should -Be $null
        Get-RealFileFact -Path (Join-Path -Path $TestDrive -ChildPath 'no/file.bin') | Should -Be $null
        [System.IO.File]::WriteAllText($file, 'abc')
        $fact = Get-RealFileFact -Path $file
        $fact['Length'] | Should -Be 3
        $fact['Sha256'] | Should -BeExactly 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
    }
    It 'reads the log of an installer, which is UTF-16' {
        $file = Join-Path -Path $TestDrive -ChildPath 'setup.log'
        Get-RealFileText -Path $file | Should -BeExactly ''
        [System.IO.File]::WriteAllText($file, 'Return value 3', [System.Text.Encoding]::Unicode)
        Get-RealFileText -Path $file | Should -BeExactly 'Return value 3'
    }
    It 'gives the number and message of SQL''s refusal' {
        $answer = Get-RealSqlRow -Server 'tcp:127.0.0.1,1' -Database 'x' -Query 'SELECT 1'
        $answer.ContainsKey('Number') | Should -BeTrue
        $answer['Message'] | Should -Not -BeNullOrEmpty
    }
    It 'declares the functions of Windows Installer in C# that compiles' {
        $tree = [System.Management.Automation.Language.Parser]::ParseFile($seam, [ref] $null, [ref] $null)
        $texts = @($tree.FindAll({ param($node) $node.GetType().Name -eq 'StringConstantExpressionAst' -and $node.Value -like '*DllImport*' }, $true))
        $texts | Should -HaveCount 2
        $names = foreach ($text in $texts) {
            $name = "Library$([guid]::NewGuid().ToString('N'))"
            Add-Type -Namespace MimSyncTest -Name $name -MemberDefinition $text.Value
            @(([type] "MimSyncTest.$name").GetMethods() | ForEach-Object { $_.Name })
        }
        foreach ($name in 'MsiInstallProductW', 'MsiConfigureProductExW', 'MsiApplyPatchW', 'MsiOpenDatabaseW') { $names | Should -Contain $name }
    }
}
