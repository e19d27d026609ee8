<#
    Written by mimc from a spec. Change the spec, not this file.

    mimc compiles the same content to MOF by itself. To compile it on a Windows node instead, with the module
    installed there, run this file in Windows PowerShell 5.1: it asks for the credentials and writes the documents
    beside itself, encrypted for the certificates that lie there.
#>
[CmdletBinding()]
param
(
    [System.String]
    $OutputPath = $PSScriptRoot
)

$configurationData = @{
    AllNodes = @(
        @{
            NodeName = 'node1'
        }
    )
}

Configuration Golden
{
    Import-DscResource -ModuleName 'PSDesiredStateConfiguration' -ModuleVersion '1.1'
    Import-DscResource -ModuleName 'TwoVersionsDsc' -ModuleVersion '1.0.0'

    Node 'node1'
    {
        WindowsFeature 'Net'
        {
            Name   = 'NET-Framework-45-Core'
            Ensure = 'Present'
        }
        Service 'Spooler'
        {
            Name        = 'Spooler'
            StartupType = 'Automatic'
            State       = 'Running'
            DependsOn   = @('[WindowsFeature]Net', '[file]log folder')
        }
        File 'Log Folder'
        {
            DestinationPath = 'D:\Logs'
            Type            = 'Directory'
        }
        Environment 'Version'
        {
            Name      = 'STAGE'
            Value     = '1'
            DependsOn = @('[SERVICE]spooler')
        }
        Versioned 'chosen'
        {
            Name = 'x'
        }
    }
}

[DSCLocalConfigurationManager()]
Configuration GoldenLcm
{
}

Golden -ConfigurationData $configurationData -OutputPath $OutputPath
GoldenLcm -OutputPath $OutputPath
