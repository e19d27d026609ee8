# Those functions of the seam file that another platform than Windows can run: pipes, processes, files.
Describe 'the seam' {
    BeforeAll {
        Set-StrictMode -Version Latest
        $module = $env:MIMC_MODULE
        if (-not $module) { $module = Join-Path -Path $PSScriptRoot -ChildPath '../../resources/dsc-modules/MimSyncDsc' }
        $seam = Join-Path -Path $module -ChildPath 'MimSyncDsc.Windows.psm1'
        Import-Module -Name $seam -Prefix 'Real'
        $shell = $env:MIMC_PWSH
        if (-not $shell) { $shell = 'pwsh' }
        function Start-Shell {
            param([string] $Text)
            $file = Join-Path -Path $TestDrive -ChildPath 'child.ps1'
            [System.IO.File]::WriteAllText($file, $Text)
            Start-RealChild -FilePath $shell -Argument "-NoProfile -NonInteractive -InputFormat None -File `"$file`""
        }
    }
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
        $texts | Should -HaveCount 1
        Add-Type -Namespace MimSyncTest -Name Installer -MemberDefinition $texts[0].Value
        ([type] 'MimSyncTest.Installer').GetMethod('MsiInstallProductW') | Should -Not -BeNullOrEmpty
    }
}
