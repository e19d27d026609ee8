# The pusher's scripts, executed whole, with stand-ins for the commands and types that only Windows has.
Describe 'the scripts of the pusher' {
    BeforeAll {
        Set-StrictMode -Version Latest
        function Invoke-Script {
            param([string] $Name, [hashtable] $With = @{})
            $answer = @(& "$copies/scripts/$Name.ps1" @With)
            $answer.Count | Should -Be 1 -Because 'a script writes exactly one string'
            $answer[0] | Should -BeOfType [string]
            $answer[0].StartsWith('{"version":1,') | Should -BeTrue
            $answer[0] | ConvertFrom-Json
        }
        function Get-Hash {
            param([byte[]] $Byte)
            [System.BitConverter]::ToString([System.Security.Cryptography.SHA256]::Create().ComputeHash($Byte)).Replace('-', '').ToLowerInvariant()
        }
        function Send-Stage {
            param([string] $Name, [byte[]] $Byte)
            Invoke-Script -Name 'stage' -With @{ Name = $Name; Sha256 = Get-Hash -Byte $Byte; Length = $Byte.Length; Offset = 0; Data = $Byte }
        }
        . (Join-Path -Path $PSScriptRoot -ChildPath 'StandIns.ps1')
        $copies = Get-CopyFolder -Otherwise $TestDrive
        function global:Invoke-CimMethod {
            param([string] $Namespace, [string] $ClassName, [string] $MethodName, [hashtable] $Arguments)
            if ($Namespace -ne 'root/Microsoft/Windows/DesiredStateConfiguration' -or $ClassName -ne 'MSFT_DSCLocalConfigurationManager') { throw 'not the LCM' }
            [void] $global:Lcm.Calls.Add(@{ Name = $MethodName; Arguments = $Arguments })
            switch ($MethodName) {
                'GetMetaConfiguration' { return [pscustomobject] @{ MetaConfiguration = [pscustomobject] $global:Lcm.Meta } }
                'GetConfigurationStatus' {
                    if (-not $global:Lcm.Status) { throw 'no status yet' }
                    $records = @($global:Lcm.Status)
                    if (-not $Arguments['All']) { $records = @($records[-1]) }
                    return [pscustomobject] @{ ConfigurationStatus = $records }
                }
                'GetConfiguration' {
                    if ($global:Lcm.Failure) { throw $global:Lcm.Failure }
                    return [pscustomobject] @{ configurations = $global:Lcm.Configurations }
                }
                'RemoveConfiguration' {
                    $file = @{ 1 = 'Current.mof'; 2 = 'Pending.mof'; 4 = 'Previous.mof' }[[int] $Arguments['Stage']]
                    Remove-Item -LiteralPath "$env:SystemRoot/System32/Configuration/$file" -ErrorAction Ignore
                }
            }
        }
    }
    AfterAll {
        Remove-Command
        Remove-Item -Path Function:\Invoke-CimMethod
    }
    BeforeEach {
        $root = Join-Path -Path $TestDrive -ChildPath ([guid]::NewGuid().ToString('N'))
        foreach ($name in 'ProgramData', 'ProgramFiles', 'SystemRoot') {
            [System.Environment]::SetEnvironmentVariable($name, "$root/$name")
            [void] [System.IO.Directory]::CreateDirectory("$root/$name")
        }
        [void] [System.IO.Directory]::CreateDirectory("$root/SystemRoot/System32/Configuration")
        $env:COMPUTERNAME = 'CORPSYNC'
        $global:Lcm = @{
            Calls = New-Object System.Collections.ArrayList; Failure = ''; Configurations = @()
            Meta = @{
                LCMState = 'Idle'; LCMStateDetail = ''; CertificateID = $null; ConfigurationMode = 'ApplyAndMonitor'; RefreshMode = 'PUSH'
                RebootNodeIfNeeded = $false; ActionAfterReboot = 'ContinueConfiguration'; ConfigurationModeFrequencyMins = [uint32] 15
                RefreshFrequencyMins = [uint32] 30; AllowModuleOverwrite = $false; DebugMode = [string[]] @('NONE'); ConfigurationID = $null
                StatusRetentionTimeInDays = [uint32] 10; MaximumDownloadSizeMB = [uint32] 500; SignatureValidationPolicy = 'NONE'
                ReportManagers = $null; PartialConfigurations = @()
            }
            Status = @()
        }
        $global:Acl = @{ Owner = 'S-1-5-32-544'; Sddl = @{} }
        [MimcStandIns.Store]::All = @()
        [MimcStandIns.Registry]::Clear()
        [MimcStandIns.Directories]::Locked.Clear()
        [MimcStandIns.Directories]::FailingMove = 0
        [MimcStandIns.Directories]::InUse = $false
        [MimcStandIns.Principal]::Administrator = $true
        $bytes = [System.Text.Encoding]::UTF8.GetBytes('the document')
    }

    Context 'stage' {
        It 'takes a file in pieces, answers where it stands, and renames it when the hash is right' {
            $hash = Get-Hash -Byte $bytes
            $base = @{ Name = 'node.mof'; Sha256 = $hash; Length = $bytes.Length }
            (Invoke-Script 'stage' $base).present | Should -BeFalse
            (Invoke-Script 'stage' ($base + @{ Offset = 0; Data = $bytes[0..4] })).length | Should -Be 5
            (Invoke-Script 'stage' $base).length | Should -Be 5
            (Invoke-Script 'stage' ($base + @{ Offset = 9; Data = $bytes[5..11] })).refused.code | Should -Be 'StageOffset'
            (Invoke-Script 'stage' ($base + @{ Offset = 5; Data = $bytes[5..11] })).present | Should -BeTrue
            (Invoke-Script 'stage' $base).present | Should -BeTrue
            [System.IO.Directory]::GetFiles("$root/ProgramData/mimc/stage") | Should -HaveCount 1
        }
        It 'locks its folders for Administrators and SYSTEM' {
            [void] (Send-Stage -Name 'a' -Byte $bytes)
            $global:Acl.Sddl.Keys | Should -HaveCount 2
            # From their first moment, each by itself.
            [MimcStandIns.Directories]::Locked | Should -Be @("$root/ProgramData/mimc", "$root/ProgramData/mimc/stage")
            foreach ($text in $global:Acl.Sddl.Values) { $text | Should -Be 'O:BAG:BAD:P(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)' }
        }
        It 'throws away what has another hash' {
            $answer = Invoke-Script 'stage' @{ Name = 'a'; Sha256 = '0' * 64; Length = $bytes.Length; Offset = 0; Data = $bytes }
            $answer.refused.code | Should -Be 'StageHash'
            [System.IO.Directory]::GetFiles("$root/ProgramData/mimc/stage") | Should -HaveCount 0
        }
        It 'refuses a folder of somebody else, and a name that is a path' {
            $global:Acl.Owner = 'S-1-5-21-9-9-9-1000'
            (Send-Stage -Name 'a' -Byte $bytes).refused.code | Should -Be 'StageOwner'
            { Invoke-Script 'stage' @{ Name = '..\a'; Sha256 = '0' * 64; Length = 1 } } | Should -Throw
            { Invoke-Script 'stage' @{ Name = 'a'; Sha256 = 'A' * 64; Length = 1 } } | Should -Throw 'not a SHA-256'
        }
    }

    Context 'install-module' {
        BeforeAll {
            function New-Archive {
                param([hashtable] $File)
                $stream = New-Object System.IO.MemoryStream
                $zip = New-Object System.IO.Compression.ZipArchive($stream, [System.IO.Compression.ZipArchiveMode]::Create, $true)
                foreach ($name in $File.Keys) {
                    $target = $zip.CreateEntry($name).Open()
                    $content = [System.Text.Encoding]::UTF8.GetBytes($File[$name])
                    $target.Write($content, 0, $content.Length)
                    $target.Dispose()
                }
                $zip.Dispose()
                , $stream.ToArray()
            }
            function Get-Expected {
                param([hashtable] $File)
                [string[]] $names = @($File.Keys)
                [System.Array]::Sort($names, [System.StringComparer]::Ordinal)
                $lines = foreach ($name in $names) { "$name $(Get-Hash -Byte ([System.Text.Encoding]::UTF8.GetBytes($File[$name])))`n" }
                Get-Hash -Byte ([System.Text.Encoding]::UTF8.GetBytes(-join $lines))
            }
        }
        It 'unpacks, checks, and replaces another content of the same version' {
            foreach ($text in 'one', 'two') {
                $files = @{ 'X.psd1' = $text; 'DSCResources/R/R.psm1' = 'code'; 'b.psm1' = 'b'; 'Z.psm1' = 'Z' }
                $zip = New-Archive -File $files
                [void] (Send-Stage -Name 'x.zip' -Byte $zip)
                $answer = Invoke-Script 'install-module' @{ Name = 'x.zip'; Sha256 = Get-Hash -Byte $zip; ModuleName = 'X'; ModuleVersion = '0.1.0'; ModuleSha256 = Get-Expected -File $files }
                $answer.sha256 | Should -Be (Get-Expected -File $files)
                [System.IO.File]::ReadAllText("$root/ProgramFiles/WindowsPowerShell/Modules/X/0.1.0/X.psd1") | Should -Be $text
            }
            [System.IO.Directory]::GetDirectories("$root/ProgramFiles/WindowsPowerShell/Modules/X") | Should -HaveCount 1
        }
        It 'has the old module back when the new one cannot take its place' {
            $with = @{ ModuleName = 'X'; ModuleVersion = '0.1.0' }
            foreach ($text in 'one', 'two') {
                $files = @{ 'X.psd1' = $text }
                $zip = New-Archive -File $files
                [void] (Send-Stage -Name 'x.zip' -Byte $zip)
                $with = $with + @{ Name = 'x.zip'; Sha256 = Get-Hash -Byte $zip; ModuleSha256 = Get-Expected -File $files }
                if ($text -eq 'one') {
                    (Invoke-Script 'install-module' $with).sha256 | Should -Be $with.ModuleSha256
                    $with = @{ ModuleName = 'X'; ModuleVersion = '0.1.0' }
                }
            }
            [MimcStandIns.Directories]::FailingMove = 2
            { Invoke-Script 'install-module' $with } | Should -Throw '*denied*'
            [System.IO.File]::ReadAllText("$root/ProgramFiles/WindowsPowerShell/Modules/X/0.1.0/X.psd1") | Should -Be 'one'
            [System.IO.Directory]::GetDirectories("$root/ProgramFiles/WindowsPowerShell/Modules/X") | Should -HaveCount 1
        }
        It 'is done though what it replaced is in use' {
            foreach ($text in 'one', 'two') {
                [MimcStandIns.Directories]::InUse = $text -eq 'two'
                $files = @{ 'X.psd1' = $text }
                $zip = New-Archive -File $files
                [void] (Send-Stage -Name 'x.zip' -Byte $zip)
                $answer = Invoke-Script 'install-module' @{ Name = 'x.zip'; Sha256 = Get-Hash -Byte $zip; ModuleName = 'X'; ModuleVersion = '0.1.0'; ModuleSha256 = Get-Expected -File $files }
                $answer.sha256 | Should -Be (Get-Expected -File $files)
            }
            [System.IO.Directory]::GetDirectories("$root/ProgramFiles/WindowsPowerShell/Modules/X", 'mimc-old-*') | Should -HaveCount 1
        }
        It 'has a name and a version that cannot be a path' {
            foreach ($pair in @('..', '0.1.0'), @('X', '../0.1.0')) {
                { Invoke-Script 'install-module' @{ Name = 'x.zip'; Sha256 = '0' * 64; ModuleName = $pair[0]; ModuleVersion = $pair[1]; ModuleSha256 = '' } } | Should -Throw 'not the name and version of a module'
            }
        }
        It 'leaves nothing behind when the files are not those announced, or an entry is a path out' {
            $zip = New-Archive -File @{ 'X.psd1' = 'x' }
            [void] (Send-Stage -Name 'x.zip' -Byte $zip)
            $with = @{ Name = 'x.zip'; Sha256 = Get-Hash -Byte $zip; ModuleName = 'X'; ModuleVersion = '0.1.0'; ModuleSha256 = '0' * 64 }
            (Invoke-Script 'install-module' $with).refused.code | Should -Be 'ModuleHash'
            foreach ($name in '../evil.psm1', '/evil', 'C:\evil', 'a/../../evil', '..') {
                $zip = New-Archive -File @{ $name = 'x' }
                [void] (Send-Stage -Name 'x.zip' -Byte $zip)
                $with['Sha256'] = Get-Hash -Byte $zip
                { Invoke-Script 'install-module' $with } | Should -Throw '*has an entry*'
            }
            [System.IO.Directory]::GetFileSystemEntries("$root/ProgramFiles/WindowsPowerShell/Modules/X") | Should -HaveCount 0
            (Invoke-Script 'install-module' @{ Name = 'none.zip'; Sha256 = '0' * 64; ModuleName = 'X'; ModuleVersion = '0.1.0'; ModuleSha256 = '' }).refused.code | Should -Be 'StageMissing'
        }
    }

    Context 'the LCM' {
        It 'gets the meta document with its length in front, and tells its settings' {
            [void] (Send-Stage -Name 'n.meta.mof' -Byte $bytes)
            $answer = Invoke-Script 'configure-lcm' @{ Name = 'n.meta.mof'; Sha256 = Get-Hash -Byte $bytes }
            $answer.lcm.settings.ConfigurationModeFrequencyMins | Should -Be 15
            $answer.lcm.settings.DebugMode.GetType().IsArray | Should -BeTrue -Because 'a list of one is a list'
            $answer.lcm.settings.AllowModuleOverwrite | Should -BeExactly $false
            $answer.lcm.managers | Should -HaveCount 0
            (@($answer.lcm.settings.PSObject.Properties.Name) | Sort-Object) -join ' ' | Should -BeExactly ('ActionAfterReboot AllowModuleOverwrite ConfigurationMode ' +
                'ConfigurationModeFrequencyMins DebugMode MaximumDownloadSizeMB RebootNodeIfNeeded RefreshFrequencyMins RefreshMode SignatureValidationPolicy StatusRetentionTimeInDays')
            $answer.lcm.certificateId | Should -BeExactly ''
            $sent = @($global:Lcm.Calls | Where-Object { $_.Name -eq 'SendMetaConfigurationApply' })[0].Arguments['ConfigurationData']
            , $sent | Should -BeOfType [byte[]]
            $sent[0..3] | Should -Be @(16, 0, 0, 0)
            $sent[4..15] | Should -Be $bytes
        }
        It 'names those lists of its settings that are not empty' {
            $global:Lcm.Meta.ReportManagers = @([pscustomobject] @{ ServerURL = 'https://reports' })
            $global:Lcm.Meta.ConfigurationID = '5a7cb0a3-7aa2-4f40-8899-02b83694085f'
            $lcm = (Invoke-Script 'preflight' @{ Thumbprint = 'AB'; ModuleName = 'MimSyncDsc'; ModuleVersion = '0.1.0' }).lcm
            $lcm.managers | Should -Be @('ReportManagers')
            $lcm.settings.ConfigurationID | Should -Be '5a7cb0a3-7aa2-4f40-8899-02b83694085f'
        }
        It 'of an older version lacks what that version does not have' {
            foreach ($name in 'DebugMode', 'StatusRetentionTimeInDays', 'ReportManagers', 'AllowModuleOverwrite') { $global:Lcm.Meta.Remove($name) }
            $lcm = (Invoke-Script 'follow' @{ JobId = '6d6f1b1a-0001-4f0e-9d3a-000000000001' }).lcm
            @($lcm.settings.PSObject.Properties.Name) | Should -Not -Contain 'DebugMode'
            @($lcm.settings.PSObject.Properties.Name) | Should -Not -Contain 'AllowModuleOverwrite'
            $lcm.managers | Should -HaveCount 0
        }
        It 'is told to enact with our job id, and nothing is sent when it is busy or waits for a restart' {
            [void] (Send-Stage -Name 'n.mof' -Byte $bytes)
            $with = @{ Name = 'n.mof'; Sha256 = Get-Hash -Byte $bytes; JobId = '6d6f1b1a-0001-4f0e-9d3a-000000000001' }
            (Invoke-Script 'enact' $with).started | Should -BeTrue
            $call = @($global:Lcm.Calls | Where-Object { $_.Name -eq 'SendConfigurationApplyAsync' })[0].Arguments
            $call['jobId'] | Should -Be $with.JobId
            $call['force'] | Should -BeTrue
            foreach ($pair in @('Busy', 'LcmBusy'), @('PendingReboot', 'PendingReboot')) {
                $global:Lcm.Meta.LCMState = $pair[0]
                $global:Lcm.Calls.Clear()
                (Invoke-Script 'enact' $with).refused.code | Should -Be $pair[1]
                @($global:Lcm.Calls | Where-Object { $_.Name -like 'Send*' }) | Should -HaveCount 0
            }
            (Invoke-Script 'configure-lcm' @{ Name = 'n.mof'; Sha256 = '0' * 64 }).refused.code | Should -Be 'StageHash'
            (Invoke-Script 'enact' @{ Name = 'n.mof'; Sha256 = '0' * 64; JobId = $with.JobId }).refused.code | Should -Be 'StageHash'
        }
        It 'gets no meta document while it is busy' {
            [void] (Send-Stage -Name 'n.meta.mof' -Byte $bytes)
            $global:Lcm.Meta.LCMState = 'Busy'
            $global:Lcm.Meta.LCMStateDetail = 'consistency check'
            $refused = (Invoke-Script 'configure-lcm' @{ Name = 'n.meta.mof'; Sha256 = Get-Hash -Byte $bytes }).refused
            $refused.code, $refused.message | Should -Be @('LcmBusy', 'consistency check')
            @($global:Lcm.Calls | Where-Object { $_.Name -like 'Send*' }) | Should -HaveCount 0
        }
        It 'is followed until it has a record of the job' {
            $job = '6d6f1b1a-0001-4f0e-9d3a-000000000001'
            (Invoke-Script 'follow' @{ JobId = $job }).job | Should -BeNullOrEmpty
            $global:Lcm.Status = @(
                [pscustomobject] @{ JobID = "{$($job.ToUpperInvariant())}"; Status = 'Failure'; StartDate = [datetime] '2026-01-01'; RebootRequested = $false; Error = 'MimSync.CannotSet: x'
                    ResourcesNotInDesiredState = @([pscustomobject] @{ ResourceId = '[MimSyncService]Sync'; Error = 'MimSync.CannotSet: x' }) }
                [pscustomobject] @{ JobID = [guid]::NewGuid().ToString(); Status = 'Success'; StartDate = [datetime] '2026-01-02' }
            )
            $answer = Invoke-Script 'follow' @{ JobId = $job }
            $answer.job.status | Should -Be 'Failure'
            $answer.job.error | Should -Be 'MimSync.CannotSet: x'
            # Nothing for the lists of a record is nothing to stumble over.
            $global:Lcm.Status = @([pscustomobject] @{ JobID = $job; Status = 'Success'; StartDate = [datetime] '2026-01-01'; ResourcesNotInDesiredState = $null })
            (Invoke-Script 'follow' @{ JobId = $job }).job.error | Should -BeExactly ''
        }
        It 'tells what documents it has, and loses them' {
            [void] (Send-Stage -Name 'n.mof' -Byte $bytes)
            foreach ($file in 'Current.mof', 'Pending.mof') { [System.IO.File]::WriteAllText("$root/SystemRoot/System32/Configuration/$file", '') }
            $global:Lcm.Status = @(
                [pscustomobject] @{ Status = 'Success'; Type = 'Initial'; StartDate = [datetime] '2026-01-01'; MetaData = 'Author: x; Name: Old; Version: 2.0.0;' }
                [pscustomobject] @{ Status = 'Failure'; Type = 'Initial'; StartDate = [datetime] '2026-01-02'; MetaData = ''
                    ResourcesNotInDesiredState = @([pscustomobject] @{ ConfigurationName = 'New' }) }
                [pscustomobject] @{ Status = 'Success'; Type = 'LocalConfigurationManager'; StartDate = [datetime] '2026-01-03'; MetaData = 'Name: Meta;' }
            )
            $answer = Invoke-Script 'preflight' @{ Thumbprint = 'AB'; ModuleName = 'MimSyncDsc'; ModuleVersion = '0.1.0' }
            $answer.documents.current | Should -Be 'Old'
            $answer.documents.pending | Should -Be 'New'
            $global:Lcm.Calls.Clear()
            $answer = Invoke-Script 'withdraw' @{ Name = @('n.mof'); Document = $false }
            $answer.documents.pending | Should -Be 'New'
            @($global:Lcm.Calls | Where-Object { $_.Name -eq 'RemoveConfiguration' }) | Should -HaveCount 0
            [void] (Send-Stage -Name 'n.mof' -Byte $bytes)
            $answer = Invoke-Script 'withdraw' @{ Name = @('n.mof', 'not-there.mof'); Document = $true; Configuration = '' }
            $answer.documents.current | Should -BeNullOrEmpty
            [System.IO.Directory]::GetFiles("$root/ProgramData/mimc/stage") | Should -HaveCount 0
            { Invoke-Script 'withdraw' @{ Name = @('../x') } } | Should -Throw
        }
    }

    Context 'a document that stays' {
        BeforeEach {
            $current = "$root/SystemRoot/System32/Configuration/Current.mof"
            [System.IO.File]::WriteAllText($current, 'ours, encrypted')
            $look = { (Invoke-Script 'preflight' @{ Thumbprint = 'AB'; ModuleName = 'MimSyncDsc'; ModuleVersion = '0.1.0' }).documents.current }
        }
        It 'is known by its hash when the LCM has no record of it any more' {
            & $look | Should -BeExactly ''
            (Invoke-Script 'withdraw' @{ Name = @(); Document = $false; Configuration = 'ContosoSync' }).documents.current | Should -Be 'ContosoSync'
            & $look | Should -Be 'ContosoSync'
            [void] (Invoke-Script 'withdraw' @{ Name = @(); Document = $false; Configuration = '' })
            & $look | Should -Be 'ContosoSync' -Because 'who removes staged files only knows of no document'
        }
        It 'is somebody else''s when the file is another one' {
            [void] (Invoke-Script 'withdraw' @{ Name = @(); Document = $false; Configuration = 'ContosoSync' })
            [System.IO.File]::WriteAllText($current, 'theirs, encrypted')
            & $look | Should -BeExactly ''
            $global:Lcm.Status = @([pscustomobject] @{ Status = 'Success'; Type = 'Initial'; StartDate = [datetime] '2026-01-01'; MetaData = 'Name: Payroll;' })
            & $look | Should -Be 'Payroll'
            [System.IO.File]::Delete($current)
            & $look | Should -BeNullOrEmpty
        }
        It 'has no name when the LCM has it open, or its record names nothing' {
            [void] (Invoke-Script 'withdraw' @{ Name = @(); Document = $false; Configuration = 'ContosoSync' })
            $open = [System.IO.File]::Open($current, 'Open', 'ReadWrite', 'None')
            try { & $look | Should -BeExactly '' } finally { $open.Dispose() }
            & $look | Should -Be 'ContosoSync'
            [System.IO.File]::WriteAllText($current, 'theirs, encrypted')
            $global:Lcm.Status = @([pscustomobject] @{ Status = 'Success'; Type = 'Initial'; StartDate = [datetime] '2026-01-01'; MetaData = '' })
            & $look | Should -BeExactly ''
        }
        It 'is forgotten when it is removed' {
            [void] (Invoke-Script 'withdraw' @{ Name = @(); Document = $false; Configuration = 'ContosoSync' })
            [void] (Invoke-Script 'withdraw' @{ Name = @(); Document = $true; Configuration = '' })
            [System.IO.File]::WriteAllText($current, 'ours, encrypted')
            & $look | Should -BeExactly ''
        }
        It 'is told beside a pending one of ours' {
            [System.IO.File]::WriteAllText("$root/SystemRoot/System32/Configuration/Pending.mof", 'failed')
            [void] (Invoke-Script 'withdraw' @{ Name = @(); Document = $false; Configuration = 'ContosoSync' })
            $documents = (Invoke-Script 'withdraw' @{ Name = @() }).documents
            $documents.current, $documents.pending | Should -Be @('ContosoSync', 'ContosoSync')
            @($documents.PSObject.Properties.Name) | Should -BeExactly @('current', 'pending')
        }
    }

    Context 'preflight' {
        It 'refuses whoever is no administrator, and asks the LCM nothing' {
            [MimcStandIns.Principal]::Administrator = $false
            (Invoke-Script 'preflight' @{ Thumbprint = 'AB'; ModuleName = 'MimSyncDsc'; ModuleVersion = '0.1.0' }).refused.code | Should -Be 'NotAdministrator'
            $global:Lcm.Calls | Should -HaveCount 0
        }
        It 'tells node, certificate and module' {
            [MimcStandIns.Store]::All = @([pscustomobject] @{ Thumbprint = 'AB'; HasPrivateKey = $true; NotAfter = [datetime]::new(2027, 11, 24, 0, 0, 0, [System.DateTimeKind]::Utc) })
            $answer = Invoke-Script 'preflight' @{ Thumbprint = 'ab'; ModuleName = 'MimSyncDsc'; ModuleVersion = '0.1.0' }
            $answer.node.computerName | Should -Be 'CORPSYNC'
            $answer.certificate.privateKey | Should -BeTrue
            ([datetime] $answer.certificate.expires).ToUniversalTime().ToString('o') | Should -Be '2027-11-24T00:00:00.0000000Z'
            $answer.documents.current | Should -BeNullOrEmpty
            $answer.module.sha256 | Should -BeExactly ''
            (Invoke-Script 'preflight' @{ Thumbprint = 'CD'; ModuleName = 'MimSyncDsc'; ModuleVersion = '0.1.0' }).certificate.present | Should -BeFalse
        }
    }

    Context 'audit' {
        BeforeEach {
            $stream = New-Object System.IO.MemoryStream
            $gzip = New-Object System.IO.Compression.GZipStream($stream, [System.IO.Compression.CompressionMode]::Compress)
            $gzip.Write($bytes, 0, $bytes.Length)
            $gzip.Dispose()
            $with = @{ Document = $stream.ToArray(); Thumbprint = 'AB'; ModuleVersion = '0.1.0' }
            $global:Lcm.Meta.CertificateID = 'AB'
            $module = "$root/ProgramFiles/WindowsPowerShell/Modules/MimSyncDsc/0.1.0"
            [void] [System.IO.Directory]::CreateDirectory($module)
            [System.IO.File]::WriteAllText("$module/MimSyncDsc.psd1", '')
            $global:Lcm.Configurations = @([pscustomobject] @{ CimSystemProperties = @{ ClassName = 'MSFT_MimSyncService' }; State = '{"version":1,"node":{"computerName":"X"}}' })
        }
        It 'hands on the state that Get-TargetResource gave' {
            (Invoke-Script 'audit' $with).state.node.computerName | Should -Be 'X'
            $sent = @($global:Lcm.Calls | Where-Object { $_.Name -eq 'GetConfiguration' })[0].Arguments['configurationData']
            $sent[4..15] | Should -Be $bytes
        }
        It 'refuses an LCM that gives nothing, or nothing of ours' {
            foreach ($given in @{ Value = $null }, @{ Value = @() }, @{ Value = @($null) }, @{ Value = @([pscustomobject] @{ CimSystemProperties = @{ ClassName = 'Other' } }) }) {
                $global:Lcm.Configurations = $given.Value
                (Invoke-Script 'audit' $with).refused.code | Should -Be 'AuditFailed'
            }
        }
        It 'refuses without the certificate, without the module, with a busy LCM, and when Get fails' {
            $global:Lcm.Failure = 'login failed'
            (Invoke-Script 'audit' $with).refused.code | Should -Be 'AuditFailed'
            $global:Lcm.Meta.LCMState = 'Busy'
            (Invoke-Script 'audit' $with).refused.code | Should -Be 'LcmBusy'
            [System.IO.File]::Delete("$module/MimSyncDsc.psd1")
            (Invoke-Script 'audit' $with).refused.code | Should -Be 'NoModule'
            $global:Lcm.Meta.CertificateID = $null
            (Invoke-Script 'audit' $with).refused.code | Should -Be 'NoCertificateId'
        }
    }
}
